package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.NumberRange;

/**
 * What one worker with its kernel threads was measured to do, rounded to whole numbers, so that
 * decisions made from them are the same on every rank. 0 where not measured.
 *
 * @param matmulFlopsPerSecond large matmuls in the compute dtype
 * @param attentionFlopsPerSecond causal attention forward, masked pairs not counted
 * @param linkBytesPerSecond what a rank sends while all send
 */
public record Rates(
    long matmulFlopsPerSecond, long attentionFlopsPerSecond, long linkBytesPerSecond) {
  /** A thousand petaflops: more than any one worker does. */
  public static final NumberRange PER_SECOND = NumberRange.whole(0, 1_000_000_000_000_000_000L);

  public static final Rates UNKNOWN = new Rates(0, 0, 0);

  private static final long UDP_BYTES_PER_SECOND = 350_000_000;

  public Rates {
    PER_SECOND.require("matmulFlopsPerSecond", matmulFlopsPerSecond);
    PER_SECOND.require("attentionFlopsPerSecond", attentionFlopsPerSecond);
    PER_SECOND.require("linkBytesPerSecond", linkBytesPerSecond);
  }

  /** Whether a step's time can be predicted. */
  public boolean known() {
    return matmulFlopsPerSecond > 0 && attentionFlopsPerSecond > 0 && linkBytesPerSecond > 0;
  }

  /**
   * What is left of them when all workers of a host compute at once: a worker measures with a core
   * to itself as often as not, and keeps the best it ever saw.
   *
   * @param workers on the host, each with its kernel threads
   * @param cores of the host
   */
  public Rates shared(int workers, int cores) {
    return workers <= cores
        ? this
        : new Rates(
            share(matmulFlopsPerSecond, workers, cores),
            share(attentionFlopsPerSecond, workers, cores),
            share(linkBytesPerSecond, workers, cores));
  }

  private static long share(long rate, int workers, int cores) {
    return (long) (rate * ((double) cores / workers));
  }

  /**
   * What is left of them on a transport. Workers measure how fast they copy, before there is a link
   * to measure; sockets do no better than {@value #UDP_BYTES_PER_SECOND} bytes a second, what
   * Aeron's rings over loopback were seen to carry.
   */
  public Rates over(String transport) {
    return transport.equals("udp")
        ? new Rates(
            matmulFlopsPerSecond,
            attentionFlopsPerSecond,
            Math.min(linkBytesPerSecond, UDP_BYTES_PER_SECOND))
        : this;
  }
}
