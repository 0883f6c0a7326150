package dev.gyre.deploy.files;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Writes on a thread of its own, in order, from a bounded queue. A terminal whose user pressed
 * Ctrl-S and a frozen file system block that thread alone. After the first failure nothing more is
 * written. Thread-safe.
 */
public final class BackgroundWriter implements AutoCloseable {
  /** Writes something; may block. */
  @FunctionalInterface
  public interface Write {
    void run() throws IOException;
  }

  /** Says that what was taken before it is written, or given up. */
  private record Marker(CountDownLatch done) implements Write {
    @Override
    public void run() {
      done.countDown();
    }
  }

  private static final long LOOK_MILLIS = 100;

  private final BlockingQueue<Write> queue;
  private final Consumer<IOException> onFailure;
  private final Duration closeLimit;
  private final AtomicLong written = new AtomicLong();
  private volatile boolean failed;
  private volatile boolean closed;

  /**
   * @param capacity writes that may wait
   * @param closeLimit longest time without any write done that {@link #close} waits for the rest
   * @param onFailure called once, by the writing thread
   */
  public BackgroundWriter(
      String name, int capacity, Duration closeLimit, Consumer<IOException> onFailure) {
    this.queue = new ArrayBlockingQueue<>(capacity);
    this.closeLimit = closeLimit;
    this.onFailure = onFailure;
    // Writes block in the kernel: not for a virtual thread, of which carriers are few.
    Thread.ofPlatform().name(name).daemon().start(this::run);
  }

  private void run() {
    try {
      while (!closed) {
        Write next = queue.poll(LOOK_MILLIS, TimeUnit.MILLISECONDS);
        if (next != null) {
          write(next);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void write(Write next) {
    try {
      if (!failed || next instanceof Marker) {
        next.run();
      }
    } catch (IOException e) {
      failed = true;
      onFailure.accept(e);
    } finally {
      written.incrementAndGet();
    }
  }

  /** Takes the write if there is room for it; never waits. */
  public boolean offer(Write write) {
    return queue.offer(write);
  }

  /** Takes the write, and waits for room as long as nothing has failed. */
  public void put(Write write) throws InterruptedException {
    while (!closed && !failed && !queue.offer(write, LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
      // The writing thread is blocked, and so is the caller: nothing may be dropped here.
    }
  }

  /**
   * Waits until what was taken so far is written, or given up after a failure.
   *
   * @param limit longest time without any write done
   * @return false if it gave up
   */
  public boolean flush(Duration limit) throws InterruptedException {
    CountDownLatch done = new CountDownLatch(1);
    boolean taken = false;
    long before = written.get();
    long waited = 0;
    while (waited < limit.toMillis()) {
      taken = taken || queue.offer(new Marker(done));
      if (taken && done.await(LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
        return true;
      }
      if (!taken) {
        TimeUnit.MILLISECONDS.sleep(LOOK_MILLIS);
      }
      long now = written.get();
      waited = now == before ? waited + LOOK_MILLIS : 0;
      before = now;
    }
    return false;
  }

  /** Writes what was taken so far, within the limit, and ends the thread. */
  @Override
  public void close() {
    try {
      flush(closeLimit);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    closed = true;
  }
}
