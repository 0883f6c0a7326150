/**
 * oneDNN's C API through the foreign-function interface: finding and loading the library, matrix
 * products of any shape, and products of fixed shapes that are made once and run many times.
 *
 * <p>Addresses travel as {@code long}, because a boxed segment per call would be garbage on the
 * hottest paths; on the platforms supported a pointer and a 64-bit integer are passed alike.
 */
@NullMarked
package dev.gyre.kernels.onednn.binding;

import org.jspecify.annotations.NullMarked;
