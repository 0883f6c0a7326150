/**
 * The state of a run on disk: one safetensors file per rank with slices under global names, a
 * manifest, and a rename that makes them a checkpoint. Any mesh can read what any other wrote.
 */
@NullMarked
package dev.gyre.trainer.checkpoint;

import org.jspecify.annotations.NullMarked;
