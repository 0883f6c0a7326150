package dev.gyre.trainer.calibration;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * The time a kernel takes. Where it computes on the calling thread alone, that thread's CPU time:
 * several workers calibrate at once and other programs run, and a core that was taken away says
 * nothing about a kernel. Elsewhere the clock.
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
