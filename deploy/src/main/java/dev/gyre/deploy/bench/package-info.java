/** Benchmarks: training steps, collectives, attention, load balance and kernels. */
@NullMarked
package dev.gyre.deploy.bench;

import org.jspecify.annotations.NullMarked;
