/** Tokens to their experts and back, over the ranks that hold every expert once. */
@NullMarked
package dev.gyre.trainer.experts;

import org.jspecify.annotations.NullMarked;
