/**
 * Tests with a simulated device: what a backend with its own memory and its own timing requires of
 * callers.
 */
@NullMarked
package dev.gyre.trainer.device;

import org.jspecify.annotations.NullMarked;
