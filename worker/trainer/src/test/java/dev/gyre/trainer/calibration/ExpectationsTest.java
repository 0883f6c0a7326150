package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Sizes;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ExpectationsTest {
  private static final KernelRates KNOWN =
      new KernelRates(Map.of("add", 107_000L, "linear", 100_000L), 43_000);

  private static double of(KernelWorkload kernel, boolean onHost, long copyBytesPerSecond) {
    return new Expectations(KNOWN, onHost)
        .of(kernel, kernel.describe(DType.F32, Sizes.START_UP), 90_000, copyBytesPerSecond);
  }

  @Test
  void whatMemoryLimitsIsExpectedAsFastAsMemoryIsNow() {
    assertEquals(86_000, of(KernelWorkload.ADD, true, 43_000));
    assertEquals(18_000, of(KernelWorkload.ADD, true, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, true, 60_000));
  }

  @Test
  void arithmeticAndDevicesAreExpectedAsBefore() {
    assertEquals(100_000, of(KernelWorkload.LINEAR, true, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, false, 9_000));
  }

  @Test
  void whatIsNotKnownIsAShareOfPeakOrMemory() {
    assertEquals(0.4 * 18_000, of(KernelWorkload.COPY, true, 9_000), 1e-6);
    assertEquals(0.4 * 90_000, of(KernelWorkload.LINEAR_BACKWARD_INPUT, true, 9_000), 1e-6);
    assertEquals(0, of(KernelWorkload.COPY, false, 9_000));
  }
}
