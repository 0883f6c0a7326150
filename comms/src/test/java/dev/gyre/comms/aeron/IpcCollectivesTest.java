package dev.gyre.comms.aeron;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.CollectivesContract;
import java.time.Duration;

/** Large payloads go by reference, small ones through the log. */
final class IpcCollectivesTest extends CollectivesContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return AeronCluster.ipc(ranks, deadline);
  }
}
