/**
 * The model, described once: a tree of its parts. Each part says which tensors it has and what it
 * computes; parameters, sizes, costs, checkpoints and the console read that.
 */
@NullMarked
package dev.gyre.partitioning.model;

import org.jspecify.annotations.NullMarked;
