package dev.gyre.deploy.run;

import dev.gyre.comms.control.Capability;
import dev.gyre.comms.control.MeasuredRates;
import dev.gyre.coordinator.JoinedWorker;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.worker.Transports;
import java.util.ArrayList;
import java.util.List;

/**
 * Converts the capabilities of the joined workers to those the planner uses; where workers differ,
 * the minimum.
 */
final class HostCapabilities {
  private HostCapabilities() {}

  /**
   * @param mesh of the job
   * @param workers all of one host
   */
  static WorkerCapabilities of(MeshSpec mesh, List<JoinedWorker> workers) {
    List<WorkerCapabilities.Backend> backends = new ArrayList<>();
    for (Capability c : workers.getFirst().capabilities()) {
      backends.add(inCommon(c, workers));
    }
    Rates rates = rates(workers.getFirst().rates());
    int cores = Integer.MAX_VALUE;
    long memory = Long.MAX_VALUE;
    for (JoinedWorker worker : workers) {
      rates = Rates.least(rates, rates(worker.rates()));
      cores = Math.min(cores, worker.cores());
      memory = Math.min(memory, worker.memoryBytes());
    }
    return new WorkerCapabilities(
            backends,
            Transports.offers(),
            List.of(new WorkerCapabilities.Host(cores, memory, workers.size(), rates)))
        .shared(mesh.kernelThreads(), workers.size());
  }

  /** The capabilities of a backend that all workers have. */
  private static WorkerCapabilities.Backend inCommon(Capability first, List<JoinedWorker> workers) {
    List<String> dtypes = new ArrayList<>(first.getDtypesList());
    List<String> nativeDtypes = new ArrayList<>(first.getNativeDtypesList());
    String unavailable = first.getAvailable() ? "" : first.getReason();
    for (JoinedWorker worker : workers) {
      Capability other = find(worker, first.getBackend());
      if (!other.getAvailable() && unavailable.isEmpty()) {
        unavailable = "on rank " + worker.rank() + ": " + other.getReason();
      }
      if (!other.getInstructionSet().equals(first.getInstructionSet()) && unavailable.isEmpty()) {
        unavailable =
            "the workers differ: %s on rank %d, %s on rank %d"
                .formatted(
                    first.getInstructionSet(),
                    workers.getFirst().rank(),
                    other.getInstructionSet(),
                    worker.rank());
      }
      dtypes.retainAll(other.getDtypesList());
      nativeDtypes.retainAll(other.getNativeDtypesList());
    }
    return new WorkerCapabilities.Backend(
        first.getBackend(), unavailable, dtypes, nativeDtypes, first.getInstructionSet());
  }

  private static Capability find(JoinedWorker worker, String backend) {
    for (Capability c : worker.capabilities()) {
      if (c.getBackend().equals(backend)) {
        return c;
      }
    }
    return Capability.newBuilder().setReason("it is not on this worker's class path").build();
  }

  private static Rates rates(MeasuredRates m) {
    return new Rates(
        m.getMatmulFlopsPerSecond(), m.getAttentionFlopsPerSecond(), m.getCopyBytesPerSecond());
  }
}
