package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Measured rates of one worker with its kernel threads, in whole numbers, so that every rank makes
 * the same decisions from them. 0 if not measured.
 *
 * @param matmulFlopsPerSecond large matmuls in the compute dtype
 * @param attentionFlopsPerSecond causal attention forward, masked pairs not counted
 * @param linkBytesPerSecond send bandwidth of a rank while all ranks send
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
   * The rates when all workers of a host compute at once. A worker often measures with a core to
   * itself, and keeps its best rate.
   *
   * @param threads kernel threads of all workers on the host
   * @param cores of the host
   */
  public Rates shared(int threads, int cores) {
    return threads <= cores
        ? this
        : new Rates(
            share(matmulFlopsPerSecond, threads, cores),
            share(attentionFlopsPerSecond, threads, cores),
            share(linkBytesPerSecond, threads, cores));
  }

  private static long share(long rate, int threads, int cores) {
    return (long) (rate * ((double) cores / threads));
  }

  /** The lower of each. */
  public static Rates least(Rates a, Rates b) {
    return new Rates(
        Math.min(a.matmulFlopsPerSecond, b.matmulFlopsPerSecond),
        Math.min(a.attentionFlopsPerSecond, b.attentionFlopsPerSecond),
        Math.min(a.linkBytesPerSecond, b.linkBytesPerSecond));
  }

  /**
   * The rates with a transport. Workers measure memory copies, before there is a link to measure.
   * UDP is limited to {@value #UDP_BYTES_PER_SECOND} bytes per second, the measured throughput of
   * Aeron over loopback.
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
