package dev.gyre.deploy.run;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import org.jspecify.annotations.Nullable;

/**
 * A job, and the plan that a user gives for it: the specification of a run before its workers have
 * joined. The given plan takes precedence.
 *
 * @param given null to make a plan for this machine
 */
record RunSpec(JobSpec job, @Nullable Plan given) {
  private Mesh mesh() {
    return given == null ? Planner.mesh(job) : given.mesh();
  }

  int workers() {
    return mesh().workers();
  }

  boolean isUdp() {
    String asked = given == null ? job.transport() : given.transport();
    return LocalPlanner.transport(asked, mesh()).equals("udp");
  }

  /** May be {@code auto}. */
  String backend() {
    return given == null ? job.backend() : given.backend();
  }

  /** May be {@code auto}. */
  String dtype() {
    return given == null ? job.train().dtype() : given.dtype();
  }

  int kernelThreads() {
    return given == null
        ? WorkerCapabilities.kernelThreads(
            job.mesh().kernelThreads(), Runtime.getRuntime().availableProcessors(), workers())
        : given.kernelThreads();
  }
}
