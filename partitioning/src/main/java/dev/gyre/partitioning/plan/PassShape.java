package dev.gyre.partitioning.plan;

/**
 * Sizes of one micro-batch on one rank.
 *
 * @param tokens outside of attention
 * @param ringTokens inside: of all Ulysses ranks of the ring rank
 * @param received expert rows of a round
 * @param severalRounds whether there are more, so that none is kept
 * @param forwardSlots bytes for what is other ring ranks' in attention's forward
 * @param backwardSlots the same in its backward
 * @param moved whether linear attention sends tokens to where they are in rank order
 */
record PassShape(
    long tokens,
    long ringTokens,
    long received,
    boolean severalRounds,
    long forwardSlots,
    long backwardSlots,
    boolean moved) {}
