package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.CollectivesContract;
import java.time.Duration;

/** Small messages are sent eagerly. */
final class LoopbackCollectivesTest extends CollectivesContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return new LoopbackCluster(
        ranks, LoopbackNetwork.Options.plain().withDeadlineNanos(deadline.toNanos()));
  }
}
