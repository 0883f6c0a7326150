@NullMarked
package dev.gyre.trainer.calibration;

import org.jspecify.annotations.NullMarked;
