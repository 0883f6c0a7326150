package dev.gyre.model.tape;

/**
 * What a segment keeps from its forward pass for its backward pass. What it does not keep it
 * computes again, bit for bit, by running its forward a second time just before its backward.
 */
public enum Checkpointing {
  /** Everything its operations save. */
  NONE("none"),

  /** Its input, and what its router decided. */
  FULL("full"),

  /**
   * What {@link #FULL} keeps, and attention's output and log-sum-exp, so that neither attention nor
   * its collectives run again. Source: Li et al., LightSeq (DistFlashAttn), section 3.3.
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
        "'" + key + "' must be none, full or attention-saving to name what segments keep");
  }

  boolean keeps(Retained product) {
    return switch (this) {
      case NONE -> true;
      case FULL -> product == Retained.ROUTING;
      case ATTENTION_SAVING -> true;
    };
  }
}
