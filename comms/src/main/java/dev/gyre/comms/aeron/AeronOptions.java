package dev.gyre.comms.aeron;

import dev.gyre.comms.TransportLimits;
import java.nio.file.Path;
import java.util.List;

/**
 * Options of one rank's connection to a run's data plane.
 *
 * @param run the run's name; messages of another run are refused
 * @param epoch the membership epoch; messages of another epoch are refused
 * @param folder of this host's {@link RunMediaDriver}
 * @param deadlineNanos longest wait for one transfer, and for all ranks to join
 * @param cores that the ranks of this host share; if there are fewer cores than ranks, a waiting
 *     rank yields its core sooner
 * @param endpoints {@code host:port} of every rank for UDP; empty for IPC
 */
public record AeronOptions(
    String run,
    int epoch,
    int rank,
    int size,
    Path folder,
    long deadlineNanos,
    int cores,
    List<String> endpoints) {
  /** Ranks of one host. The lower half of a log's stream id numbers an ordered pair of them. */
  public static final TransportLimits IPC = new TransportLimits("ipc", 1 << 8, true);

  /** Ranks of any hosts. The lower half of a stream id numbers the sender. */
  public static final TransportLimits UDP = new TransportLimits("udp", 1 << 16, false);

  /** Aeron's own timeouts come later. */
  public static final long LONGEST_DEADLINE_NANOS = RunMediaDriver.LIVENESS_NANOS / 8;

  private static final int MAX_EPOCH = (1 << 15) - 1;

  public AeronOptions {
    endpoints = List.copyOf(endpoints);
    limits(endpoints).requireRanks(size);
    if (epoch < 0 || epoch > MAX_EPOCH) {
      throw new IllegalArgumentException("epoch %d is not in 0..%d".formatted(epoch, MAX_EPOCH));
    }
    if (!endpoints.isEmpty() && endpoints.size() != size) {
      throw new IllegalArgumentException(
          "%d endpoints for %d ranks: UDP needs one host:port each"
              .formatted(endpoints.size(), size));
    }
    if (deadlineNanos > LONGEST_DEADLINE_NANOS) {
      throw new IllegalArgumentException(
          "a deadline of %d s is above the longest, %d s"
              .formatted(deadlineNanos / 1_000_000_000, LONGEST_DEADLINE_NANOS / 1_000_000_000));
    }
  }

  /** All ranks on this host: envelopes go by IPC, payload by reference. */
  public static AeronOptions ipc(
      String run, int epoch, int rank, int size, Path folder, long deadlineNanos) {
    return new AeronOptions(run, epoch, rank, size, folder, deadlineNanos, coresHere(), List.of());
  }

  /** Ranks on any hosts, each at its {@code host:port}. */
  public static AeronOptions udp(
      String run, int epoch, int rank, Path folder, long deadlineNanos, List<String> endpoints) {
    return new AeronOptions(
        run, epoch, rank, endpoints.size(), folder, deadlineNanos, coresHere(), endpoints);
  }

  private static int coresHere() {
    return Runtime.getRuntime().availableProcessors();
  }

  /**
   * For a thread that is pinned to some of the cores, because it cannot find out about the others.
   */
  public AeronOptions withCores(int number) {
    return new AeronOptions(run, epoch, rank, size, folder, deadlineNanos, number, endpoints);
  }

  boolean isUdp() {
    return !endpoints.isEmpty();
  }

  TransportLimits limits() {
    return limits(endpoints);
  }

  private static TransportLimits limits(List<String> endpoints) {
    return endpoints.isEmpty() ? IPC : UDP;
  }
}
