package dev.gyre.partitioning.model;

/**
 * What a table of rotations depends on, besides the positions.
 *
 * @param size elements of a head that are rotated, even
 */
public record Rotation(RopeSpec rope, int size) {}
