/** Which tokens attend to which, as ranges of positions. */
@NullMarked
package dev.gyre.partitioning.mask;

import org.jspecify.annotations.NullMarked;
