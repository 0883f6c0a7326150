/** Weights, gradients and optimizer state, sharded over the ranks that hold the same weights. */
@NullMarked
package dev.gyre.trainer.parameters;

import org.jspecify.annotations.NullMarked;
