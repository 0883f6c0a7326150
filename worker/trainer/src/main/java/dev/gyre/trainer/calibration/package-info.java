/** How fast a worker's kernels are: measured before the first step, remembered between runs. */
@NullMarked
package dev.gyre.trainer.calibration;

import org.jspecify.annotations.NullMarked;
