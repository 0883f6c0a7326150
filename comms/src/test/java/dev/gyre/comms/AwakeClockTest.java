package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class AwakeClockTest {
  @Test
  void timeAsleepDoesNotCount() {
    AtomicLong time = new AtomicLong(7);
    AwakeClock clock = new AwakeClock(time::get);
    assertEquals(7, clock.nanos());
    time.addAndGet(AwakeClock.GAP_NANOS);
    assertEquals(7 + AwakeClock.GAP_NANOS, clock.nanos());
    time.addAndGet(3_600_000_000_000L);
    assertEquals(7 + AwakeClock.GAP_NANOS, clock.nanos());
    time.addAndGet(5);
    assertEquals(12 + AwakeClock.GAP_NANOS, clock.nanos());
  }
}
