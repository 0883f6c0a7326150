/** Token layouts: which rank holds which token of a row. */
@NullMarked
package dev.gyre.partitioning.layout;

import org.jspecify.annotations.NullMarked;
