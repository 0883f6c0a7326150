/**
 * The pure-Java SIMD backend, found by {@code ServiceLoader}. This package and those below it are
 * the only ones that import {@code jdk.incubator.vector}; other host backends borrow {@link
 * dev.gyre.kernels.vector.VectorMove}.
 *
 * <p>How hot loops are written here, and why: the Vector API is fast only while the JIT inlines
 * every vector operation, and boxes vectors where it does not. So bodies are small and static with
 * primitive arguments; memory is reached through the one segment {@code Simd.ALL}; no method takes
 * or returns a vector; accumulators do not share a zero. Float sums over lanes go through memory in
 * a written order, and exp is our own polynomial with the same operations in vectors and tails, so
 * that the interpreter and both compilers give the same bits.
 */
@NullMarked
package dev.gyre.kernels.vector;

import org.jspecify.annotations.NullMarked;
