/** Tests of the SIMD backend. */
@NullMarked
package dev.gyre.kernels.vector;

import org.jspecify.annotations.NullMarked;
