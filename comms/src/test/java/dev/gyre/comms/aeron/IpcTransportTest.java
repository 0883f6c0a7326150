package dev.gyre.comms.aeron;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.TransportContract;
import java.time.Duration;

/** Large payloads go by reference, small ones through the log. */
final class IpcTransportTest extends TransportContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return AeronCluster.ipc(ranks, deadline);
  }
}
