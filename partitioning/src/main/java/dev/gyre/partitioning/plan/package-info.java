/**
 * The plan of a job: every decision of how it runs, the proofs that it is correct, and its
 * predicted cost.
 */
@NullMarked
package dev.gyre.partitioning.plan;

import org.jspecify.annotations.NullMarked;
