package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.HeadSplit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Makes a plan from a job and the capabilities of its workers. Pure, if its dry run is: equal
 * arguments give equal plans.
 */
public final class Planner {
  private final DryRun dryRun;

  /**
   * @param dryRun counts the memory of a pass
   */
  public Planner(DryRun dryRun) {
    this.dryRun = dryRun;
  }

  /**
   * The mesh of a job, from the job alone. An open expert-parallel degree is the largest possible
   * one; {@link #plan} may choose a smaller one.
   *
   * @throws Invalid if the degrees contradict each other or the model
   */
  public static Mesh mesh(JobSpec job) {
    Mesh mesh = MeshResolver.resolve(job.mesh(), job.train(), job.model());
    HeadSplit.of(job.model().heads().kvHeadOf(), mesh);
    return mesh;
  }

  /**
   * The mesh of degrees alone, for a model that runs outside of a job. Degrees left open are 1;
   * expert-parallel is then the largest that the workers and the experts allow.
   *
   * @throws Invalid if the degrees contradict each other or the model
   */
  public static Mesh mesh(MeshSpec degrees, ModelSpec model) {
    Mesh mesh = MeshResolver.resolve(degrees, model);
    HeadSplit.of(model.heads().kvHeadOf(), mesh);
    return mesh;
  }

  /**
   * Decides all that the job leaves to {@code auto}. Does not check that the plan fits in memory,
   * so that one that does not can still be shown; {@link PlanValidator#requireMemory} checks it.
   *
   * @throws Invalid if the job contradicts itself or asks for what the workers do not have
   */
  public Plan plan(JobSpec job, WorkerCapabilities workers) {
    Mesh largest = mesh(job);
    Plan split = plan(job, workers, largest);
    if (job.mesh().expertParallel() != 0
        || largest.expertParallel() == 1
        || split.stepMicros() == 0) {
      return split;
    }
    int experts = ModelSize.of(job.model()).experts();
    List<Plan> plans = new ArrayList<>();
    for (int degree : MeshResolver.expertParallel(largest.workers(), experts)) {
      boolean own = degree == largest.expertParallel();
      plans.add(own ? split : plan(job, workers, largest.with(Axis.EXPERT, degree)));
    }
    return ExpertParallelChoice.of(
        plans, job.train().memory(), workers.workerMemoryBytes(largest.workers()));
  }

  /** The plan for one mesh. */
  private Plan plan(JobSpec job, WorkerCapabilities workers, Mesh mesh) {
    BackendChoice backend =
        BackendChoice.choose(job.backend(), job.train().dtype(), workers.backends());
    String dtype = backend.dtype();
    TransportChoice transport =
        TransportChoice.of(
            job.transport(), mesh, workers.hosts(mesh.workers()).size(), workers.transports());
    Rates rates = workers.rates(mesh.workers()).over(transport.name());
    RowSchedules schedules = new RowSchedules(job.model(), mesh, dtype, transport.name(), rates);
    long workerBytes = workers.workerMemoryBytes(mesh.workers());
    int lossTile = MemoryModel.lossTile(job.model());
    MemorySpec asked = job.train().memory();
    Candidates taken = candidates(job, schedules, true);
    ActivationPlan activations = PolicyChoice.choose(asked, taken.memory(), lossTile, workerBytes);
    Candidates all = candidates(job, schedules, false);
    // Recomputing activations takes longer than a faster schedule saves.
    if (all.memory().total(activations) <= workerBytes) {
      taken = all;
      activations = PolicyChoice.choose(asked, all.memory(), lossTile, workerBytes);
    }
    LayoutKind layout = taken.layout().chosen();
    MemoryModel model = microStep(job, schedules, taken, activations, workerBytes);
    MemoryEstimate memory = model.estimate(activations);
    List<ScheduleChoice> choices = new ArrayList<>();
    String recompute = activations.recompute();
    for (Map.Entry<LayerKind, List<String>> kind : taken.schedules().entrySet()) {
      choices.add(
          schedules.choice(kind.getKey(), kind.getValue(), taken.memory().row(), recompute));
    }
    CostModel costs = new CostModel(job.model(), job.train(), mesh, dtype);
    StepCost cost = cost(job, costs, choices, layout, recompute);
    return new Plan(
        Plan.FORMAT_VERSION,
        mesh,
        layout,
        taken.layout().forecasts(),
        Layouts.DEFAULT_MIN_CHUNK,
        model.row().documents().tokens() / job.train().sequenceLength(),
        choices,
        backend.name(),
        job.device(),
        dtype,
        transport.name(),
        transport.reason(),
        backend.backend().instructionSet(),
        workers.kernelThreads(job.mesh().kernelThreads(), mesh.workers()),
        new ExpertPlacement(job.model().experts(), mesh.expertParallel()),
        List.of(),
        model.expertRowsBound(),
        activations,
        memory.workspace(),
        rates,
        cost,
        memory,
        cost.micros(rates, costs.attentionMicros(choices)));
  }

  /** Candidate schedules by kind of layer, and the memory that they need for the longest row. */
  private record Candidates(
      LayoutChoice layout, Map<LayerKind, List<String>> schedules, MemoryModel memory) {}

  /**
   * @param least whether each kind of layer keeps only the schedule with the least memory
   */
  private Candidates candidates(JobSpec job, RowSchedules schedules, boolean least) {
    LayoutChoice layout = schedules.layout(job.mesh(), job.train().sequenceLength(), least);
    Map<LayerKind, List<String>> every =
        schedules.candidates(job.mesh().schedule(), layout.chosen());
    Map<LayerKind, List<String>> keys = least ? RowSchedules.least(every) : every;
    return new Candidates(layout, keys, memory(job, schedules, layout.chosen(), keys, 1));
  }

  /** The memory of as many rows at once as are worth it and fit with the same policy. */
  private MemoryModel microStep(
      JobSpec job,
      RowSchedules schedules,
      Candidates taken,
      ActivationPlan activations,
      long workerBytes) {
    int rows = RowsChoice.most(job.model(), job.train(), schedules.mesh());
    for (; rows > 1; rows /= 2) {
      MemoryModel memory = memory(job, schedules, taken.layout().chosen(), taken.schedules(), rows);
      if (memory.total(activations) <= workerBytes) {
        return memory;
      }
    }
    return taken.memory();
  }

  private MemoryModel memory(
      JobSpec job,
      RowSchedules schedules,
      LayoutKind layout,
      Map<LayerKind, List<String>> candidates,
      int rows) {
    int tokens = rows * job.train().sequenceLength();
    return MemoryModel.of(dryRun, schedules, candidates, layout, Layouts.DEFAULT_MIN_CHUNK, tokens);
  }

  private static StepCost cost(
      JobSpec job,
      CostModel costs,
      List<ScheduleChoice> schedules,
      LayoutKind layout,
      String recompute) {
    try {
      return costs.step(schedules, layout, Layouts.DEFAULT_MIN_CHUNK, recompute);
    } catch (ArithmeticException e) {
      throw new Invalid(
          "train.sequence-length",
          "a step of %d tokens in rows of %d has more FLOPs than 2^63. Use shorter rows or a smaller model."
              .formatted(job.train().batchTokens(), job.train().sequenceLength()));
    }
  }

  /**
   * The workspace bytes that a job needs under a plan, which may have been made for another job.
   *
   * @throws Invalid if the plan's mesh cannot be this model's
   */
  public long workspaceBytes(JobSpec job, Plan plan) {
    long tokens = (long) plan.rowsPerMicroStep() * job.train().sequenceLength();
    if (tokens > TrainSpec.SEQUENCE_LENGTH.most()) {
      throw new Invalid(
          "plan.rowsPerMicroStep",
          "%d rows of %d tokens are more than can be trained on at once; make a new plan: ./gyre plan --json"
              .formatted(plan.rowsPerMicroStep(), job.train().sequenceLength()));
    }
    RowSchedules schedules =
        new RowSchedules(job.model(), plan.mesh(), plan.dtype(), plan.transport(), plan.rates());
    Map<LayerKind, List<String>> candidates = plan.candidates();
    if (!candidates.keySet().equals(job.model().maskOfKind().keySet())) {
      throw new Invalid(
          "plan.schedules",
          "the plan is for other kinds of layers than the job has; make a new one: ./gyre plan --json");
    }
    schedules.requireMasks(candidates);
    return new MemoryModel(
            dryRun,
            schedules,
            candidates,
            plan.layout(),
            plan.minChunk(),
            (int) tokens,
            plan.expertRowsBound())
        .estimate(plan.activations())
        .workspace();
  }

  /** The longest rows that fit on a plan's mesh with each activation policy of the job. */
  public LongestSequence longest(JobSpec job, Plan plan, long workerBytes) {
    return LongestSequence.of(dryRun, job, plan, workerBytes);
  }
}
