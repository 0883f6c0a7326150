/** Activations that wait for their backward on disk. */
@NullMarked
package dev.gyre.trainer.offload;

import org.jspecify.annotations.NullMarked;
