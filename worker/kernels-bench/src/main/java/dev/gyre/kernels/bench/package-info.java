/** JMH benchmarks of every kernel, run by {@code gyre bench kernels} in processes of their own. */
@NullMarked
package dev.gyre.kernels.bench;

import org.jspecify.annotations.NullMarked;
