package dev.gyre.trainer.rank;

import dev.gyre.kernels.DType;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.offload.OffloadSpec;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What all ranks of a run agree on before they open.
 *
 * @param minChunk fewest tokens of a zigzag chunk
 * @param rowsPerMicroStep most rows of a data rank in one micro-step
 * @param schedules attention schedule of each kind of layers
 * @param expertRowsBound most rows a rank's experts receive in one round
 * @param workspaceBytes memory of a micro-batch's activations and scratch
 * @param offload where activations are offloaded to; null for none
 */
public record RankSpec(
    ModelSpec model,
    Mesh mesh,
    Objective objective,
    Execution execution,
    LayoutKind layout,
    int minChunk,
    int rowsPerMicroStep,
    Map<LayerKind, ScheduleKind> schedules,
    int expertRowsBound,
    long workspaceBytes,
    @Nullable OffloadSpec offload) {
  public RankSpec {
    schedules = Map.copyOf(schedules);
    if (!schedules.keySet().containsAll(model.maskOfKind().keySet())) {
      throw new IllegalArgumentException(
          "schedules for %s in a model with layers %s"
              .formatted(schedules.keySet(), model.maskOfKind().keySet()));
    }
  }

  /**
   * The ring schedule on the zigzag layout.
   *
   * @param rowTokens most tokens of a row
   */
  public static RankSpec of(
      ModelSpec model,
      Mesh mesh,
      Objective objective,
      Execution execution,
      int rowTokens,
      long workspaceBytes) {
    return new RankSpec(
        model,
        mesh,
        objective,
        execution,
        LayoutKind.ZIGZAG,
        Layouts.DEFAULT_MIN_CHUNK,
        1,
        everywhere(
            model,
            ScheduleKind.of(RingSchedule.KEY, messageBytes(model, mesh, execution.compute()))),
        defaultRowsBound(model, mesh, rowTokens),
        workspaceBytes,
        null);
  }

  /**
   * The ranks of a plan.
   *
   * @param compute dtype that the plan names
   */
  public static RankSpec of(JobSpec job, Plan plan, DType compute, @Nullable OffloadSpec offload) {
    return new RankSpec(
        job.model(),
        plan.mesh(),
        Objective.of(job.train().balanceLoss(), job.train().zLoss()),
        execution(compute, plan.activations()),
        plan.layout(),
        plan.minChunk(),
        plan.rowsPerMicroStep(),
        plan.scheduleKinds(job.model()),
        Math.toIntExact(plan.expertRowsBound()),
        plan.workspaceBytes(),
        offload);
  }

  /** How a plan's ranks compute. */
  public static Execution execution(DType compute, ActivationPlan activations) {
    return new Execution(
        compute,
        Checkpointing.of(activations.recompute()),
        activations.lossTile(),
        activations.mlpTile());
  }

  /** The same schedule for all of a model's layers. */
  public static Map<LayerKind, ScheduleKind> everywhere(ModelSpec model, ScheduleKind schedule) {
    Map<LayerKind, ScheduleKind> schedules = new EnumMap<>(LayerKind.class);
    model.maskOfKind().keySet().forEach(layers -> schedules.put(layers, schedule));
    return schedules;
  }

  /** Message sizes, from which schedules make their choices. */
  public static MessageBytes messageBytes(ModelSpec model, Mesh mesh, DType compute) {
    return MessageBytes.ofRow(
        model.heads().kvHeadOf(), model.heads().size(), compute.bytes(), mesh);
  }

  /**
   * Twice the rows that a rank receives when experts are balanced: 2 · ⌈N / (ring · ulysses)⌉ · k.
   */
  public static int defaultRowsBound(ModelSpec model, Mesh mesh, int rowTokens) {
    long tokens = Math.ceilDiv((long) rowTokens, (long) mesh.degree(Axis.RING, Axis.ULYSSES));
    return Math.toIntExact(Math.max(1, 2 * tokens * Math.max(1, model.expertsPerToken())));
  }
}
