package dev.gyre.deploy.console;

import java.util.Locale;

/** Formats numbers with units. */
public final class Units {
  private Units() {}

  /** For example {@code 1.2 GB}, {@code 50 MB}, {@code 312 B}; powers of ten. */
  public static String bytes(double bytes) {
    if (bytes >= 1e9) {
      return String.format(Locale.ROOT, bytes >= 1e10 ? "%.0f GB" : "%.1f GB", bytes / 1e9);
    }
    if (bytes >= 1e6) {
      return String.format(Locale.ROOT, bytes >= 1e7 ? "%.0f MB" : "%.1f MB", bytes / 1e6);
    }
    return String.format(
        Locale.ROOT, bytes >= 1e3 ? "%.0f kB" : "%.0f B", bytes >= 1e3 ? bytes / 1e3 : bytes);
  }

  /** For example {@code 13.4 M}. */
  public static String count(double n) {
    if (n >= 1e9) {
      return String.format(Locale.ROOT, "%.2f G", n / 1e9);
    }
    if (n >= 1e6) {
      return String.format(Locale.ROOT, "%.2f M", n / 1e6);
    }
    return n >= 1e4
        ? String.format(Locale.ROOT, "%.1f k", n / 1e3)
        : String.format(Locale.ROOT, "%,.0f", n);
  }

  /** A number of things: {@code 1 layer}, {@code 2,048 tokens}. */
  public static String of(long n, String noun) {
    return String.format(Locale.ROOT, n == 1 ? "%,d %s" : "%,d %ss", n, noun);
  }

  /** In at most two units: {@code 2h 10m}, {@code 2m 55s}, {@code 12 s}, {@code 12 ms}. */
  public static String seconds(double s) {
    if (s >= 59.5) {
      return minutes(Math.round(s));
    }
    if (s >= 0.0995) {
      return String.format(Locale.ROOT, s >= 9.95 ? "%.0f s" : "%.1f s", s);
    }
    return s == 0
        ? "0 s"
        : String.format(Locale.ROOT, s >= 0.00995 ? "%.0f ms" : "%.1f ms", s * 1e3);
  }

  /** Time left, in whole seconds: {@code 45 s}, {@code 2m 10s}, {@code 3d 4h}. */
  public static String left(double s) {
    long whole = Math.round(s);
    return whole < 60 ? whole + " s" : minutes(whole);
  }

  private static String minutes(long s) {
    if (s < 3600) {
      return "%dm %ds".formatted(s / 60, s % 60);
    }
    long m = s / 60;
    return m < 24 * 60 ? "%dh %dm".formatted(m / 60, m % 60) : days(m / 60);
  }

  private static String days(long h) {
    return h < 100 * 24 ? "%dd %dh".formatted(h / 24, h % 24) : "%,dd".formatted(h / 24);
  }

  public static String percent(double share) {
    return String.format(Locale.ROOT, share < 0.1 ? "%.1f %%" : "%.0f %%", share * 100);
  }

  /** A gradient norm in at most six characters: {@code 0.84}, {@code 123.4}, {@code 1.2e+06}. */
  static String norm(double norm) {
    return String.format(Locale.ROOT, norm < 100 ? "%.2f" : norm < 1e4 ? "%.0f" : "%.0e", norm);
  }

  /** A learning rate: {@code 1.8e-3}. */
  public static String rate(double lr) {
    return lr == 0
        ? "0"
        : String.format(Locale.ROOT, "%.1e", lr).replace("e-0", "e-").replace("e+00", "");
  }
}
