package dev.gyre.deploy.job;

import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.worker.Transports;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Hosts to plan for, instead of this one, in the order of their ranks. */
public final class PlannedHosts {
  /** An example, for help and messages. */
  public static final String EXAMPLE =
      "cores=8,memory=64GiB,matmul=50e9,attention=20e9,link=1e9,ranks=1";

  private static final String OPTION = "--machine";

  private static final Key FILE =
      Key.section(
          "",
          "Hosts to plan for.",
          Key.sections(
              "hosts", "Kinds of hosts.", PlannedHost.KEYS.children().toArray(Key[]::new)));

  private final List<PlannedHost> kinds;

  private PlannedHosts(List<PlannedHost> kinds) {
    this.kinds = List.copyOf(kinds);
  }

  /**
   * Reads the option's value: a YAML file with a list {@code hosts}, or one kind of host as {@code
   * cores=8,memory=64GiB,...}.
   *
   * @throws JobFileException naming file and line, key, value and limit
   */
  public static PlannedHosts read(String option) {
    boolean keys = option.isEmpty() || option.contains("=");
    return keys && !Files.isRegularFile(Path.of(option)) ? inline(option) : file(Path.of(option));
  }

  private static PlannedHosts inline(String text) {
    JobTree.Mapping keys = JobTree.Mapping.empty(OPTION);
    for (String part : text.split(",", -1)) {
      String[] pair = part.strip().split("\\s*=\\s*", 2);
      if (pair.length < 2) {
        throw new JobFileException(
            "%s: '%s' is not KEY=VALUE. For example %s".formatted(OPTION, part.strip(), EXAMPLE));
      }
      if (keys.entries().containsKey(pair[0])) {
        throw new JobFileException(OPTION + ": duplicate key " + pair[0]);
      }
      keys.put(pair[0], OPTION, new JobTree.Scalar(pair[1], OPTION));
    }
    return new PlannedHosts(List.of(PlannedHost.of(JobValues.of(keys, PlannedHost.KEYS))));
  }

  private static PlannedHosts file(Path file) {
    String text = JobFile.text(file, "file of hosts", "; for one kind of host: " + EXAMPLE);
    JobValues values = JobValues.of(JobTree.parse(text, file.toString()), FILE);
    List<PlannedHost> kinds = values.sections("hosts").stream().map(PlannedHost::of).toList();
    if (kinds.isEmpty()) {
      throw values.bad("hosts", "must list at least one kind of host");
    }
    for (PlannedHost kind : kinds.subList(0, kinds.size() - 1)) {
      if (kind.count() == 0) {
        throw values.bad("hosts", "only the last kind of host may leave out count");
      }
    }
    return new PlannedHosts(kinds);
  }

  /**
   * As the planner takes it.
   *
   * @param mesh of the job
   * @param workers that the job has on this mesh
   * @param backends those of this machine: what another one has is not known
   * @throws dev.gyre.partitioning.check.Invalid if the hosts have too few ranks, or cores
   */
  public WorkerCapabilities capabilities(
      MeshSpec mesh, int workers, List<WorkerCapabilities.Backend> backends) {
    List<WorkerCapabilities.Host> hosts = new ArrayList<>();
    int left = workers;
    for (PlannedHost kind : kinds) {
      int count = kind.count() == 0 ? Math.ceilDiv(left, kind.ranks()) : kind.count();
      for (int i = 0; i < count; i++) {
        hosts.add(
            new WorkerCapabilities.Host(
                kind.cores(),
                kind.memoryBytes(),
                kind.ranks(),
                new Rates(kind.matmul(), kind.attention(), kind.link())));
      }
      left -= (int) Math.min(left, (long) count * kind.ranks());
    }
    WorkerCapabilities perCore = new WorkerCapabilities(backends, Transports.offers(), hosts);
    int threads = perCore.kernelThreads(mesh.kernelThreads(), workers);
    return new WorkerCapabilities(
        backends,
        Transports.offers(),
        perCore.hosts(workers).stream().map(host -> host.with(ofRank(host, threads))).toList());
  }

  /**
   * Rates of a rank whose kernels have so many threads.
   *
   * @param host with the rates of a core
   */
  private static Rates ofRank(WorkerCapabilities.Host host, int threads) {
    Rates core = host.rates();
    int busy = Math.min(host.cores(), host.ranks() * threads);
    return new Rates(
        share(core.matmulFlopsPerSecond(), busy, host.ranks()),
        share(core.attentionFlopsPerSecond(), busy, host.ranks()),
        core.linkBytesPerSecond());
  }

  /** What a rank has of so many cores. */
  private static long share(long perCore, int cores, int ranks) {
    return (long) Math.min(Rates.PER_SECOND.most(), (double) perCore * cores / ranks);
  }
}
