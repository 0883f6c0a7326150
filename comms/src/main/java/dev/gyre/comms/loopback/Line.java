package dev.gyre.comms.loopback;

import java.util.SplittableRandom;

/**
 * Arrival times of the messages of an ordered pair of ranks. The state depends only on what the
 * sender sent, so one seed gives the same delays under any timing.
 */
final class Line {
  private final LoopbackNetwork.Options options;
  private final SplittableRandom random;
  private long freeNanos;
  private long lastArrivalNanos;

  Line(LoopbackNetwork.Options options, int from, int to) {
    this.options = options;
    random = new SplittableRandom(options.seed() * 31 * 31 + from * 31L + to);
    long now = System.nanoTime();
    freeNanos = now;
    lastArrivalNanos = now;
  }

  /** Arrival time of a message sent now. Called only by the sender's thread. */
  long arrivalNanos(long nowNanos, long bytes) {
    long arrival = nowNanos;
    if (options.bytesPerSecond() > 0) {
      long busy = (long) (bytes * 1e9 / options.bytesPerSecond());
      freeNanos = Math.max(freeNanos, nowNanos) + busy;
      arrival = freeNanos;
    }
    if (options.maxDelayNanos() > 0) {
      arrival += random.nextLong(options.maxDelayNanos() + 1);
    }
    if (!options.reorderChannels()) {
      arrival = Math.max(arrival, lastArrivalNanos);
      lastArrivalNanos = arrival;
    }
    return arrival;
  }
}
