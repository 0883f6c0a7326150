package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.CollectivesContract;
import java.time.Duration;

/** Nothing goes ahead, and every message is late. */
final class LoopbackUnbufferedCollectivesTest extends CollectivesContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return new LoopbackCluster(
        ranks,
        LoopbackNetwork.Options.plain()
            .withDeadlineNanos(deadline.toNanos())
            .withNeverBuffer()
            .withDelay(11, 100_000));
  }
}
