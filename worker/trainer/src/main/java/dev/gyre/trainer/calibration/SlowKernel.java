package dev.gyre.trainer.calibration;

import java.util.Locale;

/**
 * A kernel that met a cliff: far under what it reaches elsewhere, or here before.
 *
 * @param perSecond what it reached, FLOPs or bytes
 * @param expectedPerSecond what it was held against
 */
public record SlowKernel(
    String kernel, long perSecond, long expectedPerSecond, boolean arithmetic) {
  /** For people. */
  public String describe() {
    return String.format(
        Locale.ROOT,
        "kernel %s runs at %.3g %s where %.3g are expected",
        kernel,
        perSecond / 1e9,
        arithmetic ? "GFLOP/s" : "GB/s",
        expectedPerSecond / 1e9);
  }
}
