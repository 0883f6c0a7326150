package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.TransportContract;
import java.time.Duration;

/** No message is sent eagerly. */
final class LoopbackUnbufferedTransportTest extends TransportContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return new LoopbackCluster(
        ranks,
        LoopbackNetwork.Options.plain().withDeadlineNanos(deadline.toNanos()).withNeverBuffer());
  }
}
