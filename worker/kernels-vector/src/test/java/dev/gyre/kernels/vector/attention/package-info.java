@NullMarked
package dev.gyre.kernels.vector.attention;

import org.jspecify.annotations.NullMarked;
