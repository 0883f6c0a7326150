package dev.gyre.model.tape;

/** What a segment keeps from its forward pass for its backward pass. */
public enum Checkpointing {
  /** Everything its operations save. */
  NONE,
  /** Nothing but its input: the segment's forward runs again just before its backward. */
  FULL
}
