/** A training step: feed, forward and backward, reduction, update, metrics. */
@NullMarked
package dev.gyre.trainer.step;

import org.jspecify.annotations.NullMarked;
