/**
 * Every kernel as one call with operands of its own and its work counted: what start-up calibration
 * and the benchmarks run.
 */
@NullMarked
package dev.gyre.kernels.workload;

import org.jspecify.annotations.NullMarked;
