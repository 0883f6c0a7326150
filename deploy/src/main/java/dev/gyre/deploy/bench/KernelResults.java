package dev.gyre.deploy.bench;

import dev.gyre.kernels.workload.ForkTimes;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Turns times into results as they come. The measurements that all are held against are kept back
 * until the last of them is in, so that each is a share of the fastest.
 */
public final class KernelResults {
  private final KernelsBench bench;
  private final String instructionSet;
  private final String cpu;
  private final Consumer<KernelResult> hears;
  private final List<ForkTimes> waiting = new ArrayList<>();
  private CorePeak peak = CorePeak.NONE;

  /**
   * @param hears of each result, in the order of the measurements
   */
  public KernelResults(
      KernelsBench bench, String instructionSet, String cpu, Consumer<KernelResult> hears) {
    this.bench = bench;
    this.instructionSet = instructionSet;
    this.cpu = cpu;
    this.hears = hears;
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

  /** All measurements are in. */
  public void finish() {
    waiting.forEach(this::tell);
    waiting.clear();
  }

  private void tell(ForkTimes times) {
    hears.accept(KernelResult.of(times, peak, bench, instructionSet, cpu));
  }
}
