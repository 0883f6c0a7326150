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
 * Writes on its own thread, in order, from a bounded queue. So a terminal that is blocked by
 * Ctrl-S, or a frozen file system, blocks only that thread. After the first failure nothing more is
 * written. Thread-safe.
 */
public final class BackgroundWriter implements AutoCloseable {
  /** Writes something; may block. */
  @FunctionalInterface
  public interface Write {
    void run() throws IOException;
  }

  /** Completes when all earlier writes are done or abandoned. */
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
   * @param capacity most writes in the queue
   * @param closeLimit {@link #close} abandons the rest if no write completes for this long
   * @param onFailure called once, by the writing thread
   */
  public BackgroundWriter(
      String name, int capacity, Duration closeLimit, Consumer<IOException> onFailure) {
    this.queue = new ArrayBlockingQueue<>(capacity);
    this.closeLimit = closeLimit;
    this.onFailure = onFailure;
    // A platform thread: writes block in the kernel and would occupy a carrier thread of virtual
    // threads.
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

  /** Queues the write if there is room; never blocks. */
  public boolean offer(Write write) {
    return queue.offer(write);
  }

  /** Queues the write, and blocks until there is room or a write has failed. */
  public void put(Write write) throws InterruptedException {
    while (!closed && !failed && !queue.offer(write, LOOK_MILLIS, TimeUnit.MILLISECONDS)) {
      // If the writing thread is blocked, the caller blocks too, because no write may be dropped.
    }
  }

  /**
   * Waits until the writes queued so far are done, or abandoned after a failure.
   *
   * @param limit longest time without a completed write
   * @return false if the limit was reached
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

  /** Completes the queued writes, within the limit, and ends the thread. */
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
