package dev.gyre.trainer.worker;

import dev.gyre.trainer.calibration.SlowKernel;
import java.util.List;
import java.util.stream.Collectors;

/**
 * Kernels are far below their expected rate. Results would be correct, but training far too slow.
 */
final class SlowKernelException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private SlowKernelException(String message) {
    super(message);
  }

  /** Throws with the name of each slow kernel; returns if there are none. */
  static void throwIfAny(List<SlowKernel> slow) {
    if (!slow.isEmpty()) {
      throw new SlowKernelException(
          describe(slow)
              + ". Another try may do better; ./gyre doctor shows the rates of this machine");
    }
  }

  static String describe(List<SlowKernel> slow) {
    return slow.stream().map(SlowKernel::describe).collect(Collectors.joining(", "));
  }
}
