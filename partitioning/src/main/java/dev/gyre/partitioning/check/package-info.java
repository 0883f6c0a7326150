/** Checks of the values that users write: their ranges, and the error that names a bad one. */
@NullMarked
package dev.gyre.partitioning.check;

import org.jspecify.annotations.NullMarked;
