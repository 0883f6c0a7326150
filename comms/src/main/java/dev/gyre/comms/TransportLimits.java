package dev.gyre.comms;

/**
 * What a kind of transport can connect, known before any rank is there.
 *
 * @param name of {@link Transport#name}
 * @param mostRanks most ranks of a run: a transport connects every rank with every other
 * @param oneHost whether all ranks must be on one host
 */
public record TransportLimits(String name, int mostRanks, boolean oneHost) {
  /**
   * @throws IllegalArgumentException naming the number and the limit
   */
  public void requireRanks(int ranks) {
    if (ranks < 1 || ranks > mostRanks) {
      throw new IllegalArgumentException(
          "%d ranks: the transport %s connects 1 to %d".formatted(ranks, name, mostRanks));
    }
  }
}
