/**
 * Kernels on libtorch, on a CPU or a CUDA GPU. What they compute is written in TorchScript beside
 * the classes, one function per kernel and the same one for both devices; Java wraps addresses as
 * tensors, cuts attention's tiles into what the library's flash operators take, and calls.
 *
 * <p>The one package that knows libtorch's Java classes.
 */
@NullMarked
package dev.gyre.kernels.torch;

import org.jspecify.annotations.NullMarked;
