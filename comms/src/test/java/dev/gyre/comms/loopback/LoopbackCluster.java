package dev.gyre.comms.loopback;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.Transport;

/** Ranks of a loopback network. */
final class LoopbackCluster extends Cluster {
  private final LoopbackNetwork network;
  private final int ranks;

  LoopbackCluster(int ranks, LoopbackNetwork.Options options) {
    this.ranks = ranks;
    network = new LoopbackNetwork(ranks, options);
  }

  LoopbackNetwork network() {
    return network;
  }

  @Override
  public int size() {
    return ranks;
  }

  @Override
  public Transport open(int rank) {
    return network.transport(rank);
  }

  @Override
  public void close() {
    network.close();
  }
}
