/**
 * The pure-Java SIMD backend, found by {@code ServiceLoader}. This package and those below it are
 * the only ones that import {@code jdk.incubator.vector}; other host backends use {@link
 * dev.gyre.kernels.vector.VectorMove}.
 *
 * <p>Rules for hot loops: the Vector API is fast only if the JIT inlines every vector operation;
 * otherwise it boxes vectors. So bodies are small and static with primitive arguments; memory is
 * accessed through one segment, {@code Simd.ALL}; no method takes or returns a vector; accumulators
 * do not share a zero vector. Float sums over lanes are stored to memory and added in a fixed
 * order, and exp is a polynomial with the same operations in vectors and tails. So the interpreter
 * and both JIT compilers give the same bits.
 */
@NullMarked
package dev.gyre.kernels.vector;

import org.jspecify.annotations.NullMarked;
