/**
 * Attention over the ranks of a row: head exchange, the engine that runs attention schedules, sums.
 */
@NullMarked
package dev.gyre.trainer.sequence;

import org.jspecify.annotations.NullMarked;
