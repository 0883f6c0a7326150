package dev.gyre.deploy.bench;

import dev.gyre.kernels.workload.ForkTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Turns times into results as they arrive. The measurements that define the peaks are held back
 * until the last of them has arrived, so that each is a share of the fastest.
 */
public final class KernelResults {
  private final KernelsBench bench;
  private final String instructionSet;
  private final String cpu;
  private final Consumer<KernelResult> listener;
  private final List<ForkTimes> waiting = new ArrayList<>();
  private CorePeak peak = CorePeak.NONE;

  /**
   * @param listener receives each result, in the order of the measurements
   */
  public KernelResults(
      KernelsBench bench, String instructionSet, String cpu, Consumer<KernelResult> listener) {
    this.bench = bench;
    this.instructionSet = instructionSet;
    this.cpu = cpu;
    this.listener = listener;
  }

  public void add(ForkTimes times) {
    if (CorePeak.measures(times)) {
      peak = peak.with(times);
      waiting.add(times);
    } else {
      finish();
      tell(times);
    }
  }

  /** Called after the last measurement. */
  public void finish() {
    waiting.forEach(this::tell);
    waiting.clear();
  }

  private void tell(ForkTimes times) {
    listener.accept(KernelResult.of(times, peak, bench, instructionSet, cpu));
  }
}
