package dev.gyre.kernels.vector;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The thread pool of one backend: the calling thread and {@code count − 1} pool threads, which park
 * when idle. Threads claim units of work one after another. The assignment is not deterministic, so
 * a unit's result must not depend on it.
 *
 * <p>One thread at a time may call {@link #run}. With one thread no pool thread is started.
 */
public final class KernelThreads implements AutoCloseable {
  /** Spins of the caller before it parks: a few microseconds. */
  private static final int SPINS = 2000;

  /** Units of one call, called from several threads at once. */
  public interface Work {
    /**
     * @param unit from 0 to the units of the call, each once
     * @param worker from 0 to {@link #count()}, a different one for each thread; 0 is the caller
     */
    void run(int unit, int worker);
  }

  private final Thread[] threads;
  private final AtomicInteger next = new AtomicInteger();
  private final AtomicInteger working = new AtomicInteger();
  private @Nullable Work work;
  private int units;
  private @Nullable Thread caller;
  private @Nullable Throwable failure;

  /**
   * Number of calls started. Written last, so that a thread that sees the new value sees the call's
   * other fields.
   */
  private final AtomicInteger calls = new AtomicInteger();

  private volatile boolean closed;

  /**
   * @param count threads in all, at least 1
   */
  public KernelThreads(int count) {
    if (count < 1) {
      throw new IllegalArgumentException("threads must be at least 1, got " + count);
    }
    threads = new Thread[count - 1];
    for (int i = 0; i < threads.length; i++) {
      int worker = i + 1;
      threads[i] = Thread.ofPlatform().daemon().name("kernel-" + worker).start(() -> serve(worker));
    }
  }

  /** Threads in all. */
  public int count() {
    return threads.length + 1;
  }

  /** Runs every unit and returns when all are done; rethrows the first exception of a unit. */
  public void run(int units, Work work) {
    if (threads.length == 0 || units <= 1) {
      for (int unit = 0; unit < units; unit++) {
        work.run(unit, 0);
      }
      return;
    }
    this.work = work;
    this.units = units;
    caller = Thread.currentThread();
    failure = null;
    next.set(0);
    working.set(threads.length);
    calls.incrementAndGet();
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    claim(work, units, 0);
    await();
    this.work = null;
    if (failure instanceof Error error) {
      throw error;
    }
    if (failure instanceof RuntimeException exception) {
      throw exception;
    }
  }

  private void await() {
    for (int spin = 0; working.get() != 0; spin++) {
      if (spin < SPINS) {
        Thread.onSpinWait();
      } else {
        LockSupport.park(this);
      }
    }
  }

  private void serve(int worker) {
    int seen = 0;
    while (true) {
      while (calls.get() == seen && !closed) {
        LockSupport.park(this);
      }
      if (closed) {
        return;
      }
      seen = calls.get();
      Work current = work;
      Thread waiting = caller;
      if (current != null) {
        claim(current, units, worker);
      }
      if (working.decrementAndGet() == 0) {
        LockSupport.unpark(waiting);
      }
    }
  }

  private void claim(Work work, int units, int worker) {
    try {
      for (int unit = next.getAndIncrement(); unit < units; unit = next.getAndIncrement()) {
        work.run(unit, worker);
      }
    } catch (RuntimeException | Error e) {
      next.set(units); // no thread claims another unit
      fail(e);
    }
  }

  private synchronized void fail(Throwable e) {
    if (failure == null) {
      failure = e;
    }
  }

  /** Stops the pool threads. Must not be called during {@link #run}. */
  @Override
  public void close() {
    closed = true;
    for (Thread thread : threads) {
      LockSupport.unpark(thread);
    }
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
