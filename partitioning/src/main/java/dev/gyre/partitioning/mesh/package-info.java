/** The mesh of workers: its degrees, and the ranks of each process group. */
@NullMarked
package dev.gyre.partitioning.mesh;

import org.jspecify.annotations.NullMarked;
