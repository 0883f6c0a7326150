package dev.gyre.deploy.run;

import dev.gyre.comms.control.MeasuredRates;
import dev.gyre.coordinator.JoinedWorker;
import dev.gyre.kernels.Backend;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Calibration;
import dev.gyre.trainer.worker.Dtypes;
import dev.gyre.trainer.worker.HostLimits;
import java.util.List;

/** Plans for this machine, made without starting workers. */
public final class ThisMachine {
  private ThisMachine() {}

  /** What this process finds here; nothing is measured. */
  public static WorkerCapabilities offers() {
    JoinedWorker here =
        new JoinedWorker(
            0,
            ProcessHandle.current().pid(),
            "",
            Runtime.getRuntime().availableProcessors(),
            HostLimits.memoryBytes(),
            HostLimits.sharedMemoryBytes(),
            Backends.capabilities(),
            MeasuredRates.getDefaultInstance());
    return Machines.of(List.of(here));
  }

  /**
   * The plan of a job whose workers all run here.
   *
   * @param measured whether to measure the chosen backend, in this process, so that the plan holds
   *     rates and a step's predicted time
   * @throws Invalid if the job contradicts itself or asks for what is not here
   */
  public static Plan plan(JobSpec job, boolean measured) {
    WorkerCapabilities offers = offers();
    Plan unmeasured = Planner.plan(job, offers);
    if (!measured) {
      return unmeasured;
    }
    Rates rates;
    try (Backend backend = Backends.open(unmeasured.backend(), unmeasured.kernelThreads())) {
      rates = Calibration.measure(backend, Dtypes.of(unmeasured.dtype()));
    }
    return Planner.plan(job, offers.with(rates));
  }
}
