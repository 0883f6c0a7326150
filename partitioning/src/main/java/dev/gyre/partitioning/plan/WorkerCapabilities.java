package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * Capabilities of the workers of a run and of the hosts that they are on.
 *
 * @param backends that every worker has, in order of preference, unavailable ones included
 * @param transports in order of preference
 * @param hosts in the order of their ranks; those that a run does not need come last
 */
public record WorkerCapabilities(
    List<Backend> backends, List<Transport> transports, List<Host> hosts) {
  public WorkerCapabilities {
    backends = List.copyOf(backends);
    transports = List.copyOf(transports);
    hosts = List.copyOf(hosts);
    if (hosts.isEmpty()) {
      throw new IllegalArgumentException("workers need a host");
    }
  }

  /**
   * One host.
   *
   * @param memoryBytes that its ranks may share
   * @param ranks consecutive ranks on it; 0 for all that follow
   * @param rates of each of its ranks
   */
  public record Host(int cores, long memoryBytes, int ranks, Rates rates) {
    public Host {
      if (cores < 1 || memoryBytes < 1 || ranks < 0) {
        throw new IllegalArgumentException(
            "a host with %d cores, %d bytes and %d ranks".formatted(cores, memoryBytes, ranks));
      }
    }

    /** Memory of each of its ranks: an even share. */
    public long rankMemoryBytes() {
      return memoryBytes / Math.max(1, ranks);
    }

    private Host withRanks(int number) {
      return new Host(cores, memoryBytes, number, rates);
    }

    /** The same host with other rates. */
    public Host with(Rates other) {
      return new Host(cores, memoryBytes, ranks, other);
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
    return withHosts(hosts, host -> host.with(other));
  }

  /**
   * The same with the rates of a worker while the others of its host compute, too.
   *
   * @param asked kernel threads as in {@link #kernelThreads}
   */
  public WorkerCapabilities shared(int asked, int workers) {
    int threads = kernelThreads(asked, workers);
    return withHosts(
        hosts(workers),
        host -> host.with(host.rates().shared(host.ranks() * threads, host.cores())));
  }

  private WorkerCapabilities withHosts(List<Host> from, UnaryOperator<Host> change) {
    return new WorkerCapabilities(backends, transports, from.stream().map(change).toList());
  }

  /**
   * The hosts that so many workers are on, each with its number of them.
   *
   * @throws Invalid if there are not enough
   */
  public List<Host> hosts(int workers) {
    List<Host> used = new ArrayList<>();
    int left = workers;
    for (Host host : hosts) {
      if (left > 0) {
        used.add(host.withRanks(host.ranks() == 0 ? left : Math.min(left, host.ranks())));
        left -= used.getLast().ranks();
      }
    }
    Invalid.require(
        left == 0,
        "mesh.workers",
        "%d do not fit on %d hosts with %d ranks in all. Use at most %d workers, or more hosts."
            .formatted(workers, hosts.size(), workers - left, workers - left));
    return used;
  }

  /**
   * Rates of the slowest worker. Workers wait for each other in every layer, so each kind of work
   * takes as long as on the worker that is slowest at it.
   */
  public Rates rates(int workers) {
    return hosts(workers).stream().map(Host::rates).reduce(Rates::least).orElseThrow();
  }

  /**
   * Kernel threads of each worker: the same for all, because they are a part of what is computed.
   *
   * @param asked by the job; 0 for an even share of the cores of the host with the fewest
   * @throws Invalid if the job asks for more than a host has cores
   */
  public int kernelThreads(int asked, int workers) {
    return hosts(workers).stream()
        .mapToInt(host -> kernelThreads(asked, host.cores(), host.ranks()))
        .min()
        .orElseThrow();
  }

  /**
   * The same of one host, before its workers have said what they offer.
   *
   * @param sharing workers that share the host
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

  /** Memory of the worker that has least. */
  public long workerMemoryBytes(int workers) {
    return hosts(workers).stream().mapToLong(Host::rankMemoryBytes).min().orElseThrow();
  }
}
