package dev.gyre.trainer.sequence;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.KernelCall;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Counts the pairs of a rank's attention tiles, and the CPU time of the calling thread in attention
 * kernels. For measurements: every kernel call goes through a proxy. Single-threaded, and correct
 * only for a backend with one thread.
 */
public final class AttentionMeter {
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  private final Backend backend;
  private final Backend metered;
  private long forwardPairs;
  private long backwardPairs;
  private long forwardNanos;
  private long backwardNanos;

  /**
   * @param backend the caller closes it
   */
  public AttentionMeter(Backend backend) {
    this.backend = backend;
    metered = backend.withKernels(KernelCall.receivedBy(this::metered));
  }

  /** The backend whose kernels are metered. */
  public Backend backend() {
    return metered;
  }

  /** Resets all counts. */
  public void reset() {
    forwardPairs = 0;
    backwardPairs = 0;
    forwardNanos = 0;
    backwardNanos = 0;
  }

  private void metered(KernelCall call) {
    long before = threads.getCurrentThreadCpuTime();
    call.on(backend.kernels());
    switch (call.kernel()) {
      case "attention" -> {
        backend.synchronize();
        forwardNanos += threads.getCurrentThreadCpuTime() - before;
        forwardPairs += pairs((AttentionTiles) call.arguments()[4]);
      }
      case "attentionBackward" -> {
        backend.synchronize();
        backwardNanos += threads.getCurrentThreadCpuTime() - before;
        backwardPairs += pairs((AttentionTiles) call.arguments()[4]);
      }
      default -> {}
    }
  }

  /** Counted query by query, independently of how a plan computes areas. */
  private static long pairs(AttentionTiles tiles) {
    long pairs = 0;
    for (int t = 0; t < tiles.count(); t++) {
      for (long i = 0; i < tiles.queryCount(t); i++) {
        long first = Math.max(0, i - tiles.maxDelta(t));
        long last = Math.min(tiles.keyCount(t) - 1L, i - tiles.minDelta(t));
        pairs += Math.max(0, last - first + 1);
      }
    }
    return pairs;
  }

  public long forwardPairs() {
    return forwardPairs;
  }

  public long backwardPairs() {
    return backwardPairs;
  }

  public long forwardNanos() {
    return forwardNanos;
  }

  public long backwardNanos() {
    return backwardNanos;
  }
}
