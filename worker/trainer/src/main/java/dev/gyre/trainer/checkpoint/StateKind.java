package dev.gyre.trainer.checkpoint;

import dev.gyre.trainer.parameters.OwnedSlice;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/** The saved state of each parameter; all of it is F32. */
public enum StateKind {
  /** The master copy of the weight. */
  WEIGHT("weight"),
  /** AdamW's running mean of the gradient. */
  FIRST_MOMENT("m"),
  /** AdamW's running mean of the squared gradient. */
  SECOND_MOMENT("v");

  private final String key;

  StateKind(String key) {
    this.key = key;
  }

  /** The name in files. */
  public String key() {
    return key;
  }

  /** This kind's values of a slice, F32. */
  MemorySegment of(OwnedSlice slice) {
    return switch (this) {
      case WEIGHT -> slice.master();
      case FIRST_MOMENT -> slice.firstMoment();
      case SECOND_MOMENT -> slice.secondMoment();
    };
  }

  static Optional<StateKind> of(String key) {
    for (StateKind kind : values()) {
      if (kind.key.equals(key)) {
        return Optional.of(kind);
      }
    }
    return Optional.empty();
  }
}
