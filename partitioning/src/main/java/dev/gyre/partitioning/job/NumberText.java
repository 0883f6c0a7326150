package dev.gyre.partitioning.job;

import java.math.BigDecimal;
import java.util.OptionalDouble;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Parses the number formats of job files: {@code 1_000}, {@code 1e3}, {@code 5%}, {@code 64GiB}.
 */
public final class NumberText {
  private static final Pattern DECIMAL =
      Pattern.compile("[+-]?([0-9]+(_[0-9]+)*(\\.[0-9]*)?|\\.[0-9]+)([eE][+-]?[0-9]+)?");

  /** A number, and the unit that it may have. */
  private static final Pattern AMOUNT = Pattern.compile("(.*?)\\s*(?:([KMGT])(i?))?B?");

  private static final String PREFIXES = "KMGT";

  private NumberText() {}

  /**
   * The exact value of a number that may end in {@code K, M, G, T} (powers of 1000) or {@code Ki,
   * Mi, Gi, Ti} (of 1024), with {@code B} or without; null if the text is no such number.
   */
  public static @Nullable BigDecimal amount(String text) {
    Matcher parts = AMOUNT.matcher(text);
    BigDecimal number = parts.matches() ? decimal(parts.group(1)) : null;
    String prefix = number == null ? null : parts.group(2);
    if (number == null || prefix == null) {
      return number;
    }
    BigDecimal base = BigDecimal.valueOf(parts.group(3).isEmpty() ? 1000 : 1024);
    return number.multiply(base.pow(PREFIXES.indexOf(prefix) + 1));
  }

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
