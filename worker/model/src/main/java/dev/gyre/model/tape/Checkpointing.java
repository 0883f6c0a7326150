package dev.gyre.model.tape;

/**
 * Activation checkpointing: what a segment recomputes in its backward pass, bit for bit, by running
 * its forward a second time just before.
 */
public enum Checkpointing {
  /** Nothing: it keeps everything its operations save. */
  NONE("none"),

  /** All: it keeps its input, and what its router decided. */
  ALL("all"),

  /**
   * It keeps what {@link #ALL} keeps, and attention's output and log-sum-exp, so that neither
   * attention nor its collectives run again. Source: Li et al., LightSeq (DistFlashAttn), section
   * 3.3.
   */
  ATTENTION_SAVING("attention-saving");

  private final String key;

  Checkpointing(String key) {
    this.key = key;
  }

  /** As job files and plans name it. */
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
