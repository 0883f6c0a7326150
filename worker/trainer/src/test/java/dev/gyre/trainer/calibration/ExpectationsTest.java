package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Sizes;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ExpectationsTest {
  private static final Device GPU = Device.cuda(0);

  private static final KernelRates KNOWN =
      new KernelRates(Map.of("add", 107_000L, "linear", 100_000L), 43_000);

  private static double of(KernelWorkload kernel, Device device, long copyBytesPerSecond) {
    return new Expectations(KNOWN, device)
        .of(kernel, kernel.describe(DType.F32, Sizes.START_UP), 90_000, copyBytesPerSecond);
  }

  @Test
  void whatMemoryLimitsIsExpectedAsFastAsMemoryIsNow() {
    assertEquals(86_000, of(KernelWorkload.ADD, Device.CPU, 43_000));
    assertEquals(18_000, of(KernelWorkload.ADD, Device.CPU, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, Device.CPU, 60_000));
  }

  @Test
  void arithmeticAndDevicesAreExpectedAsBefore() {
    assertEquals(100_000, of(KernelWorkload.LINEAR, Device.CPU, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, GPU, 9_000));
  }

  @Test
  void whatIsNotKnownIsAShareOfPeakOrMemory() {
    assertEquals(0.4 * 18_000, of(KernelWorkload.COPY, Device.CPU, 9_000), 1e-6);
    assertEquals(0.4 * 90_000, of(KernelWorkload.LINEAR_BACKWARD_INPUT, Device.CPU, 9_000), 1e-6);
    assertEquals(0, of(KernelWorkload.COPY, GPU, 9_000));
  }
}
