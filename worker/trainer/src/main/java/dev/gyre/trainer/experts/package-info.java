/** Dispatch of tokens to their experts and back, over the ranks of an expert group. */
@NullMarked
package dev.gyre.trainer.experts;

import org.jspecify.annotations.NullMarked;
