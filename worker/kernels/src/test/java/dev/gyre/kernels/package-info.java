/** Tests of tensors and of the scalar twin. */
@NullMarked
package dev.gyre.kernels;

import org.jspecify.annotations.NullMarked;
