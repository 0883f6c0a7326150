/** A pass of the real model that computes and moves nothing, to count its memory. */
@NullMarked
package dev.gyre.trainer.dryrun;

import org.jspecify.annotations.NullMarked;
