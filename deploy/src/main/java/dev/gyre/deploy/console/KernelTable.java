package dev.gyre.deploy.console;

import dev.gyre.deploy.bench.KernelResult;
import java.util.Locale;

/** A table of kernels: the rate of each, and a bar for its share of the peak that limits it. */
public final class KernelTable {
  private static final int BAR = 20;
  private static final String FORMAT = "%-28s %-26s %10s %14s  %-20s %6s %7s";

  private KernelTable() {}

  public static String heading() {
    return String.format(
        Locale.ROOT,
        FORMAT,
        "kernel",
        "shape",
        "time",
        "rate",
        "of matmul peak, or memory",
        "",
        "spread");
  }

  public static String row(KernelResult r) {
    Double gflops = r.gflops();
    Double gbps = r.gbps();
    String rate =
        gflops != null
            ? String.format(Locale.ROOT, "%,.1f GFLOP/s", gflops)
            : String.format(Locale.ROOT, "%,.1f GB/s", gbps == null ? 0 : gbps);
    int filled = (int) Math.round(BAR * Math.clamp(r.ofLimit(), 0, 1));
    return String.format(
            Locale.ROOT,
            FORMAT,
            r.kernel(),
            r.shape(),
            time(r.medianSeconds()),
            rate,
            "#".repeat(filled) + ".".repeat(BAR - filled),
            Units.percent(r.ofLimit()),
            Units.percent(r.spread()))
        + (r.slowForks().isEmpty() ? "" : "   SLOW");
  }

  private static String time(double seconds) {
    return seconds >= 1e-3
        ? String.format(Locale.ROOT, "%,.2f ms", seconds * 1e3)
        : String.format(Locale.ROOT, "%,.1f µs", seconds * 1e6);
  }
}
