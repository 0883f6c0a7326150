package dev.gyre.deploy.run;

import dev.gyre.deploy.launch.StartAgainException;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.Device;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.TransportChoice;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.calibration.Calibration;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.calibration.RateCache;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.BuildVersion;
import dev.gyre.trainer.worker.Dtypes;
import dev.gyre.trainer.worker.HostLimits;
import dev.gyre.trainer.worker.Transports;
import java.util.List;

/** Makes plans for this machine without starting workers. */
public final class LocalPlanner {
  private LocalPlanner() {}

  /** Capabilities of this machine for a job's backend and device, without measured rates. */
  public static WorkerCapabilities offers(JobSpec job) {
    return new WorkerCapabilities(
        Backends.offers(job.backend(), Device.parse(job.device())),
        Transports.offers(),
        List.of(
            new WorkerCapabilities.Host(
                Runtime.getRuntime().availableProcessors(),
                HostLimits.memoryBytes(),
                0,
                Rates.UNKNOWN)));
  }

  /**
   * The transport of ranks that all run on this machine.
   *
   * @param asked a transport's name or {@code auto}
   * @throws Invalid if it cannot connect them
   */
  public static String transport(String asked, Mesh mesh) {
    return TransportChoice.of(asked, mesh, 1, Transports.offers()).name();
  }

  /**
   * The plan of a job whose workers all run on this machine.
   *
   * @param measured whether to measure the chosen backend, in this process, so that the plan holds
   *     rates and a step's predicted time
   * @throws Invalid if the job contradicts itself or needs what this machine does not have
   */
  public static Plan plan(JobSpec job, boolean measured) {
    WorkerCapabilities offers = offers(job);
    Plan unmeasured = ModelDryRun.PLANNER.plan(job, offers);
    if (!measured) {
      return unmeasured;
    }
    Rates rates =
        rates(
            unmeasured.backend(),
            unmeasured.dtype(),
            unmeasured.kernelThreads(),
            Device.parse(job.device()));
    int workers = unmeasured.mesh().workers();
    return ModelDryRun.PLANNER.plan(
        job, offers.with(rates).shared(job.mesh().kernelThreads(), workers));
  }

  /**
   * Rates measured by earlier runs on this machine, or else measured now, which takes some seconds.
   *
   * @param backend an available backend
   * @param dtype {@code bf16} or {@code f32}
   */
  public static Rates rates(String backend, String dtype, int threads, Device device) {
    BackendProbe.Available probe = Backends.available(backend, device);
    Machine machine = Machine.here(BuildVersion.text(), backend, probe, dtype, threads);
    RateCache cache = RateCache.ofUser();
    KernelRates known = cache.find(machine);
    if (known.rates().known()) {
      return known.rates();
    }
    StartAgainException.requireC2();
    try (Backend opened = Backends.open(backend, threads, device)) {
      return Calibration.measure(opened, Dtypes.of(dtype), machine, cache).rates().rates();
    }
  }
}
