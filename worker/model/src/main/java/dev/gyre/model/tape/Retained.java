package dev.gyre.model.tape;

/** Parts of a segment's forward pass whose results a policy may keep while it drops the rest. */
public enum Retained {
  /** Attention over the row: dear to compute again, and full of collectives. */
  ATTENTION,

  /** A router's decision: small, and a second one must not differ. */
  ROUTING
}
