package dev.gyre.model.tape;

/**
 * Parts of a segment's forward pass whose results a checkpointing policy may keep while it drops
 * the rest.
 */
public enum Retained {
  /** Attention over the row: expensive to recompute, and it involves communication. */
  ATTENTION,

  /** A router's decision: small, and recomputation must not change it. */
  ROUTING
}
