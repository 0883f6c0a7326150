/** Activations offloaded to disk until the backward pass. */
@NullMarked
package dev.gyre.trainer.offload;

import org.jspecify.annotations.NullMarked;
