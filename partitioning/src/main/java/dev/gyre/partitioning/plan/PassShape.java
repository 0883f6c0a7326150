package dev.gyre.partitioning.plan;

/**
 * Sizes of one micro-batch on one rank.
 *
 * @param tokens tokens of the rank outside of attention
 * @param ringTokens tokens inside attention, after the Ulysses exchange
 * @param received expert rows of a round
 * @param severalRounds whether dispatch takes several rounds, so that expert rows are not saved
 * @param forwardSlots bytes for data of other ring ranks in attention's forward
 * @param backwardSlots the same in its backward
 * @param moved whether linear attention redistributes tokens into rank order
 */
record PassShape(
    long tokens,
    long ringTokens,
    long received,
    boolean severalRounds,
    long forwardSlots,
    long backwardSlots,
    boolean moved) {}
