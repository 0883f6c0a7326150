package dev.gyre.trainer.calibration;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Times a kernel. If it computes on the calling thread alone, the thread's CPU time counts, because
 * other workers and programs may take the core away. Otherwise wall time counts.
 */
final class Stopwatch {
  private final ThreadMXBean threads = ManagementFactory.getThreadMXBean();
  private final boolean cpuTime;

  /**
   * @param onThisThread whether all of the work is done by the thread that measures
   */
  Stopwatch(boolean onThisThread) {
    this.cpuTime =
        onThisThread
            && threads.isCurrentThreadCpuTimeSupported()
            && threads.isThreadCpuTimeEnabled();
  }

  long nanos() {
    return cpuTime ? threads.getCurrentThreadCpuTime() : System.nanoTime();
  }
}
