/** Workers in named degrees, and who belongs to which group. */
@NullMarked
package dev.gyre.partitioning.mesh;

import org.jspecify.annotations.NullMarked;
