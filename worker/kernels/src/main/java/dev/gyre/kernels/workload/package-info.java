/**
 * Every kernel as one call with its own operands, and the FLOPs or bytes of the call. Start-up
 * calibration and benchmarks run these.
 */
@NullMarked
package dev.gyre.kernels.workload;

import org.jspecify.annotations.NullMarked;
