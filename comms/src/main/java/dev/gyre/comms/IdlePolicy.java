package dev.gyre.comms;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/**
 * Measures the stretches of one wait in which nothing moved, and the CPU time burnt in them. The
 * thread's CPU clock costs a system call, so it is read only once the thread gives its core away;
 * what is spun before that takes as much CPU as time.
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

  /** Nothing moved; returns for how long already. */
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

  /** Something moved, or the wait is over. */
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
