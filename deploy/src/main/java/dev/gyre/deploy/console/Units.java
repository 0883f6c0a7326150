package dev.gyre.deploy.console;

import java.util.Locale;

/** Numbers as a person reads them. */
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

  /** For example {@code 2m55s}, {@code 12.4 s}. */
  public static String seconds(double s) {
    if (s >= 3600) {
      return String.format(Locale.ROOT, "%dh%02dm", (long) s / 3600, (long) s % 3600 / 60);
    }
    if (s >= 60) {
      return String.format(Locale.ROOT, "%dm%02ds", (long) s / 60, (long) s % 60);
    }
    return s >= 10
        ? String.format(Locale.ROOT, "%.0f s", s)
        : String.format(Locale.ROOT, s >= 0.1 || s == 0 ? "%.1f s" : "%.3f s", s);
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
