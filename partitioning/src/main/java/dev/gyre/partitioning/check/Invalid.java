package dev.gyre.partitioning.check;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * An invalid job. The message names the key (dotted, as in the job file), the value, the limit, and
 * what to do.
 */
public final class Invalid extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;
  private final String key;
  private final String problem;

  /**
   * @param key dotted path as in the job file, for example {@code mesh.ulysses}, or an option, for
   *     example {@code --ring}
   * @param problem the value, the limit and what to do
   */
  public Invalid(String key, String problem) {
    super(key + (key.startsWith("--") ? " " : ": ") + problem);
    this.key = key;
    this.problem = problem;
  }

  public String key() {
    return key;
  }

  /** The message without the key, for a command whose option has another name. */
  public String problem() {
    return problem;
  }

  /** Requires a part of a record, which its reader may find to be null. */
  public static void requireGiven(@Nullable Object part, String key) {
    require(part != null, key, "is missing");
  }

  public static void require(boolean holds, String key, String problem) {
    if (!holds) {
      throw new Invalid(key, problem);
    }
  }

  public static void requireOneOf(List<String> known, String key, String value) {
    require(
        known.contains(value),
        key,
        "'%s' must be one of %s".formatted(value, String.join(", ", known)));
  }
}
