package dev.gyre.comms;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Measures the parts of one wait in which nothing progressed, and the CPU time used in them.
 * Reading the thread's CPU clock costs a system call, so it is read only once the thread yields or
 * parks. Before that, CPU time equals elapsed time.
 */
final class IdlePolicy {
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private long nanos;
  private long cpuNanos;
  private long quietSince;
  private long cpuSince;
  private boolean quiet;
  private boolean gaveWay;

  void start() {
    nanos = 0;
    cpuNanos = 0;
    quiet = false;
  }

  /** Nothing progressed; returns how long this has been so. */
  long quiet(long now) {
    if (!quiet) {
      quiet = true;
      gaveWay = false;
      quietSince = now;
    }
    return now - quietSince;
  }

  /** The thread is about to yield or park. */
  void givingWay(long now) {
    if (!gaveWay) {
      gaveWay = true;
      cpuNanos += now - quietSince;
      cpuSince = THREADS.getCurrentThreadCpuTime();
    }
  }

  /** Something progressed, or the wait ended. */
  void moved(long now) {
    if (quiet) {
      quiet = false;
      nanos += now - quietSince;
      cpuNanos += gaveWay ? THREADS.getCurrentThreadCpuTime() - cpuSince : now - quietSince;
    }
  }

  long nanos() {
    return nanos;
  }

  long cpuNanos() {
    return cpuNanos;
  }
}
