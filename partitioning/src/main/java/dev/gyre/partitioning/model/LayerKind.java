package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;

/**
 * How a layer mixes tokens. The keys are those of {@code layer_types} in Hugging Face
 * configurations.
 */
public enum LayerKind {
  /** Softmax attention over all keys before the query. */
  FULL("full_attention"),
  /** Softmax attention over the nearest keys. */
  SLIDING("sliding_attention"),
  /** Linear attention with decay: a state of fixed size instead of keys. */
  LINEAR("linear_attention");

  private final String key;

  LayerKind(String key) {
    this.key = key;
  }

  /** The name in job files and config.json. */
  public String key() {
    return key;
  }

  /**
   * The kind with this key.
   *
   * @param where job key that holds it, for the error message
   */
  public static LayerKind of(String key, String where) {
    StringBuilder known = new StringBuilder();
    for (LayerKind kind : values()) {
      if (kind.key.equals(key)) {
        return kind;
      }
      known.append(known.isEmpty() ? "" : ", ").append(kind.key);
    }
    throw new Invalid(where, "'" + key + "' must be one of " + known);
  }
}
