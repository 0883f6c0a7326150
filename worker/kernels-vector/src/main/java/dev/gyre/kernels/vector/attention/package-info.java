/** What attention does to rows of scores, vectorised: masks and tiles are the callers' business. */
@NullMarked
package dev.gyre.kernels.vector.attention;

import org.jspecify.annotations.NullMarked;
