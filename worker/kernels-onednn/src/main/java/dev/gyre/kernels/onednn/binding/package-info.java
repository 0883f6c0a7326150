/**
 * oneDNN's C API through the foreign-function interface: finding and loading the library, matrix
 * products of any shape, and products of fixed shapes that are compiled once and run many times.
 *
 * <p>Addresses are passed as {@code long}, because a boxed segment per call would create garbage on
 * the hottest paths. On the supported platforms a pointer and a 64-bit integer have the same
 * calling convention.
 */
@NullMarked
package dev.gyre.kernels.onednn.binding;

import org.jspecify.annotations.NullMarked;
