@NullMarked
package dev.gyre.kernels.torch;

import org.jspecify.annotations.NullMarked;
