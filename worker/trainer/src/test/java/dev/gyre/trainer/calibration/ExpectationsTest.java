package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Sizes;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class ExpectationsTest {
  private static final Backend HOST = new Idle(Device.CPU, true);
  private static final Backend LIBRARY = new Idle(Device.CPU, false);
  private static final Backend GPU = new Idle(Device.parse("cuda:0"), false);

  private record Idle(Device device, boolean compiledHere) implements Backend {
    @Override
    public String name() {
      return "idle";
    }

    @Override
    public Kernels kernels() {
      return KernelCall.receivedBy(_ -> {});
    }
  }

  private static final KernelRates KNOWN =
      new KernelRates(Map.of("add", 107_000L, "linear", 100_000L), 43_000);

  private static double of(KernelWorkload kernel, Backend backend, long copyBytesPerSecond) {
    return new Expectations(KNOWN, backend)
        .now(kernel, kernel.describe(DType.F32, Sizes.START_UP), 90_000, copyBytesPerSecond);
  }

  @Test
  void whatMemoryLimitsIsExpectedAsFastAsMemoryIsNow() {
    assertEquals(86_000, of(KernelWorkload.ADD, HOST, 43_000));
    assertEquals(18_000, of(KernelWorkload.ADD, HOST, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, HOST, 60_000));
  }

  @Test
  void arithmeticAndDevicesAreExpectedAsBefore() {
    assertEquals(100_000, of(KernelWorkload.LINEAR, HOST, 9_000));
    assertEquals(107_000, of(KernelWorkload.ADD, GPU, 9_000));
  }

  @Test
  void whatIsNotKnownIsAShareOfPeakOrMemory() {
    assertEquals(0.4 * 18_000, of(KernelWorkload.COPY, HOST, 9_000), 1e-6);
    assertEquals(0.4 * 90_000, of(KernelWorkload.LINEAR_BACKWARD_INPUT, HOST, 9_000), 1e-6);
    assertEquals(0, of(KernelWorkload.COPY, GPU, 9_000));
    assertEquals(0, of(KernelWorkload.COPY, LIBRARY, 9_000));
    assertEquals(18_000, of(KernelWorkload.ADD, LIBRARY, 9_000));
  }

  @Test
  void memoryThatIsBusyJustNowExcusesNothingForGood() {
    KernelWorkload add = KernelWorkload.ADD;
    assertEquals(
        107_000,
        new Expectations(KNOWN, HOST)
            .usually(add, add.describe(DType.F32, Sizes.START_UP), 90_000, 9_000));
  }
}
