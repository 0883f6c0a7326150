package dev.gyre.partitioning.model;

/**
 * The final norm and the projection onto the vocabulary.
 *
 * @param tied whether the projection's weights are those of the embedding
 */
public record HeadSpec(boolean tied) {}
