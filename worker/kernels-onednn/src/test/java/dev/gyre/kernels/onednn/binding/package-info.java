@NullMarked
package dev.gyre.kernels.onednn.binding;

import org.jspecify.annotations.NullMarked;
