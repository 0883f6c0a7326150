package dev.gyre.comms.aeron;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.TransportContract;
import java.time.Duration;

/** All payloads go through sockets, with checksums. */
final class UdpTransportTest extends TransportContract {
  @Override
  protected Cluster cluster(int ranks, Duration deadline) {
    return AeronCluster.udp(ranks, deadline);
  }
}
