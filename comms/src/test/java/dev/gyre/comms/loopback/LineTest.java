package dev.gyre.comms.loopback;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** Arrival times of the messages from one rank to another. */
class LineTest {
  private static final LoopbackNetwork.Options PLAIN = LoopbackNetwork.Options.plain();
  private static final int MESSAGES = 200;

  /** Delays of messages sent one microsecond apart, long after the line was created. */
  private static long[] delays(LoopbackNetwork.Options options, int from, int to, long bytes) {
    Line line = new Line(options, from, to);
    long start = System.nanoTime() + 1_000_000_000L;
    long[] delays = new long[MESSAGES];
    for (int m = 0; m < MESSAGES; m++) {
      long sent = start + m * 1_000L;
      delays[m] = line.arrivalNanos(sent, bytes) - sent;
    }
    return delays;
  }

  @Test
  void withoutOptionsNothingIsDelayed() {
    assertEquals(0, Arrays.stream(delays(PLAIN, 0, 1, 1 << 20)).max().orElseThrow());
  }

  @Test
  void delaysFollowTheSeedAndThePair() {
    long most = 500_000;
    long[] delays = delays(PLAIN.withDelay(5, most), 0, 1, 8);
    assertTrue(Arrays.equals(delays, delays(PLAIN.withDelay(5, most), 0, 1, 8)));
    assertFalse(Arrays.equals(delays, delays(PLAIN.withDelay(6, most), 0, 1, 8)));
    assertFalse(Arrays.equals(delays, delays(PLAIN.withDelay(5, most), 1, 0, 8)));
    assertTrue(Arrays.stream(delays).allMatch(delay -> delay >= 0 && delay <= most));
    assertTrue(Arrays.stream(delays).max().orElseThrow() > most / 2);
  }

  @Test
  void channelsOvertakeEachOtherOnlyWhenAskedTo() {
    LoopbackNetwork.Options ordered =
        new LoopbackNetwork.Options(1_000, false, 5, 500_000, 0, false);
    assertTrue(arrivesInOrder(delays(ordered, 0, 1, 8)));
    assertFalse(arrivesInOrder(delays(PLAIN.withDelay(5, 500_000), 0, 1, 8)));
  }

  private static boolean arrivesInOrder(long[] delays) {
    for (int m = 1; m < delays.length; m++) {
      if (delays[m] + 1_000L < delays[m - 1]) {
        return false;
      }
    }
    return true;
  }

  /** 1 MB takes 1 ms at 1 GB/s, and each message waits for those before it. */
  @Test
  void bytesTakeTheirTime() {
    long[] delays = delays(PLAIN.withBytesPerSecond(1_000_000_000L), 0, 1, 1_000_000);
    for (int m = 0; m < MESSAGES; m++) {
      assertEquals((m + 1) * 1_000_000L - m * 1_000L, delays[m]);
    }
  }
}
