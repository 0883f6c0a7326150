package dev.gyre.comms;

import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Progresses a transport while its training thread computes, and sleeps at all other times. Started
 * on first use.
 */
final class ProgressThread {
  private final PolledTransport transport;
  private volatile boolean needed;
  private volatile boolean closed;
  private @Nullable Thread thread;

  ProgressThread(PolledTransport transport) {
    this.transport = transport;
  }

  /** Called by the training thread. */
  void needed(boolean now) {
    needed = now;
    if (!now) {
      return; // it finishes its current work, polls once more, and sleeps
    }
    Thread running = thread;
    if (running == null) {
      running = new Thread(this::run, "gyre-progress-" + transport.rank());
      running.setDaemon(true);
      thread = running;
      running.start();
    } else {
      LockSupport.unpark(running);
    }
  }

  boolean isNeeded() {
    return needed && !closed;
  }

  private void run() {
    while (!closed) {
      if (needed) {
        drive();
      } else {
        LockSupport.park(this);
      }
    }
  }

  private void drive() {
    try {
      long quietSince = System.nanoTime();
      while (isNeeded()) {
        if (transport.progress() > 0) {
          quietSince = System.nanoTime();
        } else {
          transport.pauseBesideKernels(this, System.nanoTime() - quietSince);
        }
      }
    } catch (RuntimeException failed) {
      // // The training thread gets the error from the transfer that it awaits.
      closed = true;
      transport.abort("its progress thread failed: " + failed);
    }
  }

  /** Wakes the thread if it sleeps between two polls. */
  void wake() {
    Thread running = thread;
    if (running != null && needed) {
      LockSupport.unpark(running);
    }
  }

  /** Returns once the thread has ended; called by the training thread or after it. */
  void close() {
    closed = true;
    Thread running = thread;
    if (running == null || running == Thread.currentThread()) {
      return;
    }
    LockSupport.unpark(running);
    boolean interrupted = false;
    while (running.isAlive()) {
      try {
        running.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
