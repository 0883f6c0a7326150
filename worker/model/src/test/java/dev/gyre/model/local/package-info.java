/**
 * Implementations for a single worker: identity groups, and parameters in this process's memory.
 */
@NullMarked
package dev.gyre.model.local;

import org.jspecify.annotations.NullMarked;
