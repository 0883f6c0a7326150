package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

class KernelThreadsTest {
  private static final Duration DEADLINE = Duration.ofSeconds(60);

  @Test
  void everyUnitRunsOnceWhateverItsThread() {
    try (KernelThreads threads = new KernelThreads(3)) {
      for (int units : new int[] {0, 1, 2, 3, 100}) {
        for (int round = 0; round < 200; round++) {
          AtomicIntegerArray runs = new AtomicIntegerArray(units);
          threads.run(
              units,
              (unit, worker) -> {
                assertTrue(worker >= 0 && worker < 3, "worker " + worker);
                runs.incrementAndGet(unit);
              });
          for (int unit = 0; unit < units; unit++) {
            assertEquals(1, runs.get(unit), "unit " + unit + " of " + units);
          }
        }
      }
    }
  }

  /** Three units that wait for each other end only if three threads run them. */
  @Test
  void unitsRunAtTheSameTimeOnAllThreads() {
    Set<Thread> seen = ConcurrentHashMap.newKeySet();
    CyclicBarrier barrier = new CyclicBarrier(3);
    try (KernelThreads threads = new KernelThreads(3)) {
      threads.run(
          3,
          (unit, worker) -> {
            seen.add(Thread.currentThread());
            meet(barrier);
          });
    }
    assertEquals(3, seen.size());
    assertTrue(seen.contains(Thread.currentThread()));
  }

  private static void meet(CyclicBarrier barrier) {
    try {
      barrier.await(DEADLINE.toSeconds(), TimeUnit.SECONDS);
    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
      throw new AssertionError("the units did not meet", e);
    }
  }

  @Test
  void oneThreadIsTheCallerAlone() {
    Set<Thread> before = Thread.getAllStackTraces().keySet();
    List<Thread> seen = new ArrayList<>();
    try (KernelThreads threads = new KernelThreads(1)) {
      threads.run(5, (unit, worker) -> seen.add(Thread.currentThread()));
      for (Thread thread : Thread.getAllStackTraces().keySet()) {
        assertTrue(before.contains(thread) || !thread.getName().startsWith("kernel-"));
      }
    }
    assertEquals(5, seen.size());
    seen.forEach(thread -> assertSame(Thread.currentThread(), thread));
  }

  @Test
  void aFailureReachesTheCallerAndTheThreadsLiveOn() {
    try (KernelThreads threads = new KernelThreads(2)) {
      IllegalStateException thrown =
          assertThrows(
              IllegalStateException.class,
              () ->
                  threads.run(
                      50,
                      (unit, worker) -> {
                        if (unit == 7) {
                          throw new IllegalStateException("unit 7");
                        }
                      }));
      assertEquals("unit 7", thrown.getMessage());
      AtomicIntegerArray runs = new AtomicIntegerArray(50);
      threads.run(50, (unit, worker) -> runs.incrementAndGet(unit));
      for (int unit = 0; unit < 50; unit++) {
        assertEquals(1, runs.get(unit));
      }
    }
  }

  @Test
  void idleThreadsAreParkedAndEndWithTheBackend() throws InterruptedException {
    Set<Thread> mine = ConcurrentHashMap.newKeySet();
    CyclicBarrier barrier = new CyclicBarrier(2);
    try (KernelThreads threads = new KernelThreads(2)) {
      threads.run(
          2,
          (unit, worker) -> {
            if (worker > 0) {
              mine.add(Thread.currentThread());
            }
            meet(barrier);
          });
      Thread other = mine.iterator().next();
      long deadline = System.nanoTime() + DEADLINE.toNanos();
      while (other.getState() != Thread.State.WAITING) {
        assertTrue(System.nanoTime() < deadline, other + " is " + other.getState());
        Thread.onSpinWait();
      }
    }
    Thread other = mine.iterator().next();
    assertTrue(other.join(DEADLINE), "still alive after close");
  }

  @Test
  void needsAThread() {
    assertThrows(IllegalArgumentException.class, () -> new KernelThreads(0));
  }
}
