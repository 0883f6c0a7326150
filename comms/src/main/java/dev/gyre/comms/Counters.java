package dev.gyre.comms;

import java.util.Map;

/**
 * Totals since the transport was opened.
 *
 * @param bytesSent payload bytes this rank sent, by {@link Collective#key}
 * @param transferNanos time the training thread spent posting and awaiting transfers, its own
 *     copying included; what moves while it computes is not
 * @param waitNanos of these, with nothing to move but for a peer to wait
 * @param waitCpuNanos CPU time burnt in these waits: spinning, yielding, and looking in between
 *     parks
 */
public record Counters(
    Map<String, Long> bytesSent, long transferNanos, long waitNanos, long waitCpuNanos) {
  public Counters {
    bytesSent = Map.copyOf(bytesSent);
  }
}
