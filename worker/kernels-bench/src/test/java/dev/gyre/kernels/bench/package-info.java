@NullMarked
package dev.gyre.kernels.bench;

import org.jspecify.annotations.NullMarked;
