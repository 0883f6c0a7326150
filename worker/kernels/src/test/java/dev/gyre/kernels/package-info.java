/** Tests of tensors, workspaces and calls of kernels. */
@NullMarked
package dev.gyre.kernels;

import org.jspecify.annotations.NullMarked;
