package dev.gyre.partitioning.job;

import static dev.gyre.partitioning.job.Key.number;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.model.LayerKind;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

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
    int kernelThreads)
    implements Spec<MeshSpec> {
  /** The planner chooses. */
  public static final String AUTO = "auto";

  /** At 0 the planner chooses the degree. */
  public static final NumberRange DEGREE = NumberRange.whole(0, 16384);

  public static final NumberRange KERNEL_THREADS = NumberRange.whole(0, 1024);

  public static final List<String> LAYOUTS = List.of(AUTO, "zigzag", "striped", "contiguous");

  public static final Key KEYS =
      Key.section(
              "mesh",
              "Degrees of parallelism. 0 or left out: the plan chooses.",
              number("workers", "0", DEGREE, "Number of workers: data-parallel × ring × ulysses.")
                  .planned("0")
                  .original(),
              number("data-parallel", "0", DEGREE, "Ranks that train on different rows.")
                  .planned("0")
                  .original(),
              number("ring", "0", DEGREE, "Ranks of ring attention, over which a row is split.")
                  .planned("0")
                  .original(),
              number(
                      "ulysses",
                      "0",
                      DEGREE,
                      "Ranks of Ulysses, over which attention heads are split.")
                  .planned("0")
                  .original(),
              number(
                      "expert-parallel",
                      "0",
                      DEGREE,
                      "Ranks over which the experts are distributed.")
                  .planned("0")
                  .original(),
              Key.choiceOrEach(
                      "schedule",
                      "auto",
                      "Attention schedule; one for all layers, or one per layer type.",
                      ScheduleSpec.KEYS,
                      Arrays.stream(LayerKind.values())
                          .filter(kind -> kind != LayerKind.LINEAR)
                          .map(LayerKind::key)
                          .toList())
                  .original(),
              Key.choice(
                      "layout",
                      "auto",
                      "How tokens are assigned to ring ranks. auto: the one with the lower predicted"
                          + " time.",
                      LAYOUTS)
                  .planned(AUTO)
                  .original(),
              number(
                      "kernel-threads",
                      "0",
                      KERNEL_THREADS,
                      "Threads of a worker's kernels; 0: an even share of its host's cores.")
                  .planned("0"))
          .changes(Effect.EXECUTION);

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
  public static MeshSpec of(
      int workers, int dataParallel, int ring, int ulysses, int expertParallel) {
    return KeyValue.defaults(
        MeshSpec.class,
        KEYS,
        Map.of(
            "workers",
            workers,
            "dataParallel",
            dataParallel,
            "ring",
            ring,
            "ulysses",
            ulysses,
            "expertParallel",
            expertParallel,
            "schedule",
            ScheduleSpec.AUTO));
  }
}
