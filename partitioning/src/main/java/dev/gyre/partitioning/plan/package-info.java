/** The frozen decision of how a job runs, its proof, its cost. */
@NullMarked
package dev.gyre.partitioning.plan;

import org.jspecify.annotations.NullMarked;
