package dev.gyre.trainer.rank;

/**
 * Sizes of the global batch, by which every partial sum is divided.
 *
 * @param labelled tokens with a label
 */
public record BatchTotals(long tokens, long labelled, int rows) {}
