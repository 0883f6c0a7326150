/** Rates of a worker's kernels: measured before the first step, stored between runs. */
@NullMarked
package dev.gyre.trainer.calibration;

import org.jspecify.annotations.NullMarked;
