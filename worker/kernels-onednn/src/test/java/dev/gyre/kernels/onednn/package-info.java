@NullMarked
package dev.gyre.kernels.onednn;

import org.jspecify.annotations.NullMarked;
