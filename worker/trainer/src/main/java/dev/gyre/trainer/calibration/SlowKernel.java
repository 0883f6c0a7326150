package dev.gyre.trainer.calibration;

import java.util.Locale;

/**
 * A kernel that was compiled badly: far below its expected rate.
 *
 * @param perSecond measured FLOPs or bytes per second
 * @param expectedPerSecond expected FLOPs or bytes per second
 */
public record SlowKernel(
    String kernel, long perSecond, long expectedPerSecond, boolean arithmetic) {
  /** For the user. */
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
