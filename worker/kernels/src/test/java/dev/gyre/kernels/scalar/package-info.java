/** Tests of the scalar twin. */
@NullMarked
package dev.gyre.kernels.scalar;

import org.jspecify.annotations.NullMarked;
