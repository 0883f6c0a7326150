package dev.gyre.trainer.worker;

import dev.gyre.comms.Progress;
import dev.gyre.comms.Transport;
import dev.gyre.comms.TransportLimits;
import dev.gyre.comms.aeron.AeronOptions;
import dev.gyre.comms.aeron.AeronTransport;
import dev.gyre.comms.control.Assignment;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/** The transports between workers. */
public final class Transports {
  /** In order of preference: shared memory needs the fewest copies. */
  private static final List<TransportLimits> ALL = List.of(AeronOptions.IPC, AeronOptions.UDP);

  /**
   * A rank may rightly wait for hours, for a peer that writes a large checkpoint to a slow disk.
   * The coordinator knows whether anyone makes progress, and decides. This is for a bug in it.
   */
  private static final long LEAST_DEADLINE_NANOS = TimeUnit.HOURS.toNanos(12);

  private static final int STALL_TIMEOUTS = 10;

  private Transports() {}

  /** Those that workers are connected by, in order of preference. */
  public static List<WorkerCapabilities.Transport> offers() {
    return ALL.stream().map(Transports::offer).toList();
  }

  /** As the planner takes it. */
  public static WorkerCapabilities.Transport offer(TransportLimits limits) {
    return new WorkerCapabilities.Transport(limits.name(), limits.mostRanks(), limits.oneHost());
  }

  private static long deadlineNanos(Plan plan) {
    long stall = Math.min(plan.stallTimeoutNanos(), AeronOptions.LONGEST_DEADLINE_NANOS);
    return Math.clamp(
        STALL_TIMEOUTS * stall, LEAST_DEADLINE_NANOS, AeronOptions.LONGEST_DEADLINE_NANOS);
  }

  /**
   * Every message carries the identity of run, plan and data, so that a rank with another plan or
   * other data is rejected.
   *
   * @param data fingerprint of the training data
   * @param cores cores of this host, shared by its workers
   * @param log receives single lines for the user
   */
  static Transport open(
      WorkerOptions options,
      Assignment assignment,
      Plan plan,
      String data,
      int cores,
      Progress progress,
      Consumer<String> log) {
    String identity = options.run() + " plan " + plan.sha256() + " data " + data;
    Path folder = Path.of(assignment.getTransportFolder());
    int size = plan.mesh().workers();
    long deadline = deadlineNanos(plan);
    AeronOptions aeron =
        switch (plan.transport()) {
          case "ipc" ->
              AeronOptions.ipc(
                  identity, assignment.getEpoch(), assignment.getRank(), size, folder, deadline);
          case "udp" ->
              AeronOptions.udp(
                  identity,
                  assignment.getEpoch(),
                  assignment.getRank(),
                  folder,
                  deadline,
                  options.endpoints());
          default ->
              throw new IllegalArgumentException(
                  "transport '" + plan.transport() + "' must be ipc or udp");
        };
    return AeronTransport.open(aeron.withCores(cores), progress, log);
  }
}
