/**
 * Kernels on libtorch, on a CPU or a CUDA GPU. Each kernel is a TorchScript function, in a resource
 * of this package, and the same on both devices. Java wraps addresses as tensors, divides attention
 * tiles into parts that the flash-attention operators support, and calls the functions.
 *
 * <p>The only package that depends on libtorch's Java classes.
 */
@NullMarked
package dev.gyre.kernels.torch;

import org.jspecify.annotations.NullMarked;
