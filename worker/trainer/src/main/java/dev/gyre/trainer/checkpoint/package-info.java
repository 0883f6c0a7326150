/**
 * A run's state on disk: one safetensors file per rank with slices under global names, a manifest,
 * and a rename that commits them. Any mesh can read a checkpoint of any other.
 */
@NullMarked
package dev.gyre.trainer.checkpoint;

import org.jspecify.annotations.NullMarked;
