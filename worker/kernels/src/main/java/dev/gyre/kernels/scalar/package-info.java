/**
 * The reference implementation of every kernel, which defines what the kernel computes, as a
 * backend.
 */
@NullMarked
package dev.gyre.kernels.scalar;

import org.jspecify.annotations.NullMarked;
