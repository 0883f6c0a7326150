/**
 * One training step after another: feed, forward and backward, reduction, update, what was
 * measured.
 */
@NullMarked
package dev.gyre.trainer.step;

import org.jspecify.annotations.NullMarked;
