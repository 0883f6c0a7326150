/**
 * The oneDNN backend: matrix products by oneDNN, blocked attention over them, and the vector
 * backend's kernels for everything else. The default on CPUs it supports.
 */
@NullMarked
package dev.gyre.kernels.onednn;

import org.jspecify.annotations.NullMarked;
