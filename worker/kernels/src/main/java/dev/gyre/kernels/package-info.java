/**
 * Tensors, their memory, and the closed list of kernels that every backend implements.
 *
 * <p>A tensor is a view: a dtype, a shape and an address, contiguous and row-major. It owns
 * nothing. Memory comes from a {@link dev.gyre.kernels.Workspace} (activations and gradients of a
 * step) or from long-lived segments (parameters, optimizer state), and is freed by the owner of
 * those.
 */
@NullMarked
package dev.gyre.kernels;

import org.jspecify.annotations.NullMarked;
