package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.CollectivesContract;
import java.time.Duration;

/** No message is sent eagerly, and every message is delayed. */
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
