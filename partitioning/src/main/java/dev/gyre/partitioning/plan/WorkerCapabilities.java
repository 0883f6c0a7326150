package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import java.util.List;

/**
 * Capabilities of the workers' hosts; where hosts differ, the minimum.
 *
 * @param backends in order of preference, unavailable ones included
 * @param transports in order of preference
 * @param hostCores cores of one host
 * @param hostMemoryBytes memory of one host that its workers may share
 * @param workersPerHost workers that share a host; 0 for all of them
 */
public record WorkerCapabilities(
    List<Backend> backends,
    List<Transport> transports,
    int hostCores,
    long hostMemoryBytes,
    int workersPerHost,
    Rates rates) {
  public WorkerCapabilities {
    backends = List.copyOf(backends);
    transports = List.copyOf(transports);
    if (hostCores < 1 || hostMemoryBytes < 1 || workersPerHost < 0) {
      throw new IllegalArgumentException(
          "a host with %d cores, %d bytes and %d workers"
              .formatted(hostCores, hostMemoryBytes, workersPerHost));
    }
  }

  /**
   * Availability of one backend.
   *
   * @param unavailable why it cannot be used; empty if it can
   * @param dtypes compute dtypes it accepts: {@code bf16}, {@code f32}
   * @param nativeDtypes those the hardware multiplies natively
   */
  public record Backend(
      String name,
      String unavailable,
      List<String> dtypes,
      List<String> nativeDtypes,
      String instructionSet) {
    public Backend {
      dtypes = List.copyOf(dtypes);
      nativeDtypes = List.copyOf(nativeDtypes);
    }

    public boolean available() {
      return unavailable.isEmpty();
    }
  }

  /**
   * What a transport can connect.
   *
   * @param mostRanks most ranks of a run: every rank is connected with every other
   * @param oneHost whether all ranks must be on one host
   */
  public record Transport(String name, int mostRanks, boolean oneHost) {}

  /** The same workers with other rates. */
  public WorkerCapabilities with(Rates other) {
    return new WorkerCapabilities(
        backends, transports, hostCores, hostMemoryBytes, workersPerHost, other);
  }

  /** Hosts that so many workers are on. */
  public int hosts(int workers) {
    return Math.ceilDiv(workers, sharing(workers));
  }

  private int sharing(int workers) {
    return workersPerHost == 0 ? workers : Math.min(workers, workersPerHost);
  }

  /**
   * The same with the rates of a worker while the others of its host compute, too.
   *
   * @param asked kernel threads as in {@link #kernelThreads(int, int)}
   */
  public WorkerCapabilities shared(int asked, int workers) {
    return with(rates.shared(sharing(workers) * kernelThreads(asked, workers), hostCores));
  }

  /**
   * Kernel threads of each worker.
   *
   * @param asked by the job; 0 for an even share of the host's cores, at least one
   * @throws Invalid if the job asks for more than a host has cores
   */
  public int kernelThreads(int asked, int workers) {
    return kernelThreads(asked, hostCores, sharing(workers));
  }

  /**
   * The same, before workers have said what they offer.
   *
   * @param sharing workers that share a host
   */
  public static int kernelThreads(int asked, int hostCores, int sharing) {
    requireThreads(asked, hostCores);
    return asked > 0 ? asked : Math.max(1, hostCores / sharing);
  }

  /**
   * @throws Invalid if a job asks for more kernel threads than a host has cores
   */
  public static void requireThreads(int asked, int hostCores) {
    if (asked > hostCores) {
      throw new Invalid(
          "mesh.kernel-threads",
          "%d is more than the %d cores of a host; leave it out for an even share"
              .formatted(asked, hostCores));
    }
  }

  /** Memory of each worker: an even share of the host's. */
  public long workerMemoryBytes(int workers) {
    return hostMemoryBytes / sharing(workers);
  }
}
