package dev.gyre.comms;

import java.util.Map;

/**
 * Totals since the transport was opened.
 *
 * @param bytesSent payload bytes this rank sent, by {@link Collective#key}
 * @param transferNanos time the training thread spent posting and awaiting transfers, including its
 *     own copying; transfers that progress during compute do not count
 * @param waitNanos the part of transferNanos in which nothing could progress until a peer acted
 * @param waitCpuNanos CPU time used during waitNanos, by spinning, yielding and polling
 */
public record Counters(
    Map<String, Long> bytesSent, long transferNanos, long waitNanos, long waitCpuNanos) {
  public Counters {
    bytesSent = Map.copyOf(bytesSent);
  }
}
