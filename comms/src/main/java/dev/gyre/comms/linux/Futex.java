package dev.gyre.comms.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/**
 * Lets threads of several processes sleep on a word of shared memory until one of them wakes the
 * others. The kernel hands over the core immediately, whereas parking and polling costs time and
 * wake-ups. Source: futex(2).
 */
public final class Futex {
  private static final long WAIT = 0;
  private static final long WAKE = 1;
  private static final long NANOS_PER_SECOND = 1_000_000_000L;
  private static final long TIMESPEC_BYTES = 16;
  private static final long PROOF_NANOS = 200_000;

  private final SystemCalls calls;

  private Futex(SystemCalls calls) {
    this.calls = calls;
  }

  /** Empty if the system has none, or does not let this process use it. */
  public static Optional<Futex> find() {
    return SystemCalls.find().map(Futex::new).filter(Futex::works);
  }

  /**
   * A sandbox may refuse the call. It would then return at once, and waiting would become spinning.
   */
  private boolean works() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment word = arena.allocate(ValueLayout.JAVA_INT);
      MemorySegment timeout = arena.allocate(TIMESPEC_BYTES, Long.BYTES);
      long start = System.nanoTime();
      await(word, 0, PROOF_NANOS, timeout);
      return System.nanoTime() - start >= PROOF_NANOS / 2;
    }
  }

  /**
   * Sleeps while the word has the value, until woken or for at most {@code nanos}; may return
   * early.
   *
   * @param word an aligned int
   * @param timeout {@value #TIMESPEC_BYTES} bytes that belong to the caller; overwritten
   */
  public void await(MemorySegment word, int value, long nanos, MemorySegment timeout) {
    timeout.set(ValueLayout.JAVA_LONG, 0, nanos / NANOS_PER_SECOND);
    timeout.set(ValueLayout.JAVA_LONG, Long.BYTES, nanos % NANOS_PER_SECOND);
    calls.futex(word.address(), WAIT, value, timeout.address());
  }

  /** Wakes all threads that sleep on the word. */
  public void wakeAll(MemorySegment word) {
    calls.futex(word.address(), WAKE, Integer.MAX_VALUE, 0);
  }
}
