package dev.gyre.partitioning.job;

import java.math.BigDecimal;
import java.util.OptionalDouble;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Parses the number formats of job files: {@code 1_000}, {@code 1e3}, {@code 5%}. */
public final class NumberText {
  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?([0-9]+(_[0-9]+)*(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?");

  private NumberText() {}

  /** The exact value, or null if the text is not a decimal number. */
  public static @Nullable BigDecimal decimal(String text) {
    if (!DECIMAL.matcher(text).matches()) {
      return null;
    }
    try {
      return new BigDecimal(text.replace("_", ""));
    } catch (NumberFormatException exponentBeyond32Bits) {
      return null;
    }
  }

  /**
   * The value as a 64-bit float, infinite if it is out of range; empty if the text is not a number.
   */
  public static OptionalDouble real(String text) {
    return DECIMAL.matcher(text).matches()
        ? OptionalDouble.of(Double.parseDouble(text.replace("_", "")))
        : OptionalDouble.empty();
  }

  /** {@code 5%} or {@code 0.05}; empty if the text is neither. */
  public static OptionalDouble share(String text) {
    if (!text.endsWith("%")) {
      return real(text);
    }
    OptionalDouble percent = real(text.substring(0, text.length() - 1).stripTrailing());
    return percent.isEmpty() ? percent : OptionalDouble.of(percent.getAsDouble() / 100);
  }
}
