@NullMarked
package dev.gyre.kernels.workload;

import org.jspecify.annotations.NullMarked;
