package dev.gyre.model.tape;

/**
 * Activation checkpointing: what a segment recomputes in its backward pass, bit for bit, by running
 * its forward again directly before.
 */
public enum Checkpointing {
  /** Recomputes nothing: the segment keeps everything its operations save. */
  NONE("none"),

  /** Recomputes everything: the segment keeps its input and its routing decision. */
  ALL("all"),

  /**
   * Keeps what {@link #ALL} keeps, and attention's output and log-sum-exp, so that neither
   * attention nor its communication runs again. Source: Li et al., LightSeq (DistFlashAttn),
   * section 3.3.
   */
  ATTENTION_SAVING("attention-saving");

  private final String key;

  Checkpointing(String key) {
    this.key = key;
  }

  /** The name in job files and plans. */
  public String key() {
    return key;
  }

  /**
   * @throws IllegalArgumentException for a key that names none
   */
  public static Checkpointing of(String key) {
    for (Checkpointing policy : values()) {
      if (policy.key.equals(key)) {
        return policy;
      }
    }
    throw new IllegalArgumentException(
        "'" + key + "' must be none, all or attention-saving, to name what segments recompute");
  }

  boolean keeps(Retained product) {
    return switch (this) {
      case NONE -> true;
      case ALL -> product == Retained.ROUTING;
      case ATTENTION_SAVING -> true;
    };
  }
}
