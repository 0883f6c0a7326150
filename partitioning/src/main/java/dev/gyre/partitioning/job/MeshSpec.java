package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;

/**
 * The requested degrees of the mesh, and the schedule and token layout of the ring. The planner
 * chooses what is 0 or {@value #AUTO}.
 *
 * @param workers dataParallel · ring · ulysses where those are given
 * @param schedule attention schedule of each kind of layer
 * @param layout {@value #AUTO}, zigzag, striped or contiguous
 * @param kernelThreads threads of a worker's kernels; 0 for an even share of its host's cores
 */
public record MeshSpec(
    int workers,
    int dataParallel,
    int ring,
    int ulysses,
    int expertParallel,
    ScheduleSpec schedule,
    String layout,
    int kernelThreads) {
  /** The planner chooses. */
  public static final String AUTO = "auto";

  /** At 0 the planner chooses the degree. */
  public static final NumberRange DEGREE = NumberRange.whole(0, 16384);

  public static final NumberRange KERNEL_THREADS = NumberRange.whole(0, 1024);

  public static final List<String> LAYOUTS = List.of(AUTO, "zigzag", "striped", "contiguous");

  public MeshSpec {
    DEGREE.require("mesh.workers", workers);
    DEGREE.require("mesh.data-parallel", dataParallel);
    DEGREE.require("mesh.ring", ring);
    DEGREE.require("mesh.ulysses", ulysses);
    DEGREE.require("mesh.expert-parallel", expertParallel);
    Invalid.requireOneOf(LAYOUTS, "mesh.layout", layout);
    KERNEL_THREADS.require("mesh.kernel-threads", kernelThreads);
  }

  /** Degrees only; the planner chooses the rest. */
  public MeshSpec(int workers, int dataParallel, int ring, int ulysses, int expertParallel) {
    this(workers, dataParallel, ring, ulysses, expertParallel, ScheduleSpec.AUTO, AUTO, 0);
  }
}
