/** Attention over the ranks of a row: the engine of attention schedules, Ulysses, state passing. */
@NullMarked
package dev.gyre.trainer.sequence;

import org.jspecify.annotations.NullMarked;
