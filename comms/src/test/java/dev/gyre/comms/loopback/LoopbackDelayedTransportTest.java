package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.TransportContract;
import java.time.Duration;

/** Channels overtake each other, and the link has a limited rate. */
final class LoopbackDelayedTransportTest extends TransportContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return new LoopbackCluster(
        ranks,
        LoopbackNetwork.Options.plain()
            .withDeadlineNanos(deadline.toNanos())
            .withDelay(7, 300_000)
            .withBytesPerSecond(1L << 30));
  }
}
