/**
 * What runs where: job and model descriptions, meshes, sequence layouts, attention schedules,
 * expert placement, plans and their proofs, cost models. Pure: no I/O, no clock, no randomness of
 * its own.
 */
@NullMarked
package dev.gyre.partitioning;

import org.jspecify.annotations.NullMarked;
