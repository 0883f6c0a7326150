package dev.gyre.trainer.checkpoint;

import java.util.Arrays;

/** Shapes as text: {@code 256x64}, empty for a scalar. */
final class Shapes {
  private Shapes() {}

  static long elements(long... shape) {
    long n = 1;
    for (long d : shape) {
      n = Math.multiplyExact(n, d);
    }
    return n;
  }

  static String show(long... shape) {
    return Arrays.toString(shape);
  }

  static String format(long... shape) {
    StringBuilder text = new StringBuilder();
    for (long d : shape) {
      text.append(text.isEmpty() ? "" : "x").append(d);
    }
    return text.toString();
  }

  /**
   * @throws NumberFormatException if it is not one
   */
  static long[] parse(String text) {
    if (text.isEmpty()) {
      return new long[0];
    }
    return Arrays.stream(text.split("x", -1)).mapToLong(Long::parseLong).toArray();
  }
}
