/**
 * A device without a device: what a backend with its own memory and its own time asks of callers.
 */
@NullMarked
package dev.gyre.trainer.device;

import org.jspecify.annotations.NullMarked;
