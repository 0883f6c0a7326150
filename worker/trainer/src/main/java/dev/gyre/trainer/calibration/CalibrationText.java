package dev.gyre.trainer.calibration;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.StringJoiner;

/** A calibration as lines of a log. */
final class CalibrationText {
  private CalibrationText() {}

  static List<String> lines(Machine machine, Calibration.Result result) {
    StringJoiner arithmetic = new StringJoiner(", ", "  GFLOP/s  ", "");
    StringJoiner memory = new StringJoiner(", ", "  GB/s     ", "");
    KernelRates rates = result.rates();
    for (KernelWorkload kernel : KernelWorkload.values()) {
      if (rates.of(kernel) > 0) {
        String text =
            String.format(Locale.ROOT, "%s %.3g", kernel.kernel(), rates.of(kernel) / 1e9);
        boolean flops = kernel.describe(DType.F32, Sizes.START_UP).arithmetic();
        (flops ? arithmetic : memory).add(text);
      }
    }
    List<String> lines = new ArrayList<>();
    lines.add(
        String.format(
            Locale.ROOT,
            "calibrated %s %s %s, %d kernel thread%s of %s %s; a copy moves %.3g GB/s",
            machine.backend(),
            machine.dtype(),
            machine.instructionSet(),
            machine.threads(),
            machine.threads() == 1 ? "" : "s",
            machine.processor(),
            result.measuredHere()
                ? String.format(Locale.ROOT, "in %.1f s", result.nanos() / 1e9)
                : "by an earlier run",
            rates.copyBytesPerSecond() / 1e9));
    lines.add(arithmetic.toString());
    lines.add(memory.toString());
    return lines;
  }
}
