package dev.gyre.trainer.golden;

import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Execution;
import dev.gyre.model.Observer;
import dev.gyre.model.StepSums;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.RowSchedules;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.parameters.OwnedSlice;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.PreparedRow;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.rank.RowPart;
import dev.gyre.trainer.rank.RowSource;
import dev.gyre.trainer.rank.TrainingRank;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Dtypes;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/** Runs a golden case on a mesh whose ranks are threads of this process, and compares. */
public final class GoldenRun {
  /** The optimizer of {@code curve.json}: AdamW, constant rate, global-norm clipping at 1. */
  private static final TrainSpec.Optimizer OPTIMIZER =
      TrainSpec.Optimizer.constant(1e-3).with("eps", 1e-5);

  /** Golden rows have a few hundred tokens of width under 100: 64 MiB hold any of them. */
  private static final long WORKSPACE_BYTES = 64L << 20;

  /** Small, so that even short golden documents are cut over the ring. */
  private static final int MIN_CHUNK = 4;

  /** Invented rates: the schedule that {@code auto} takes with them must not change the result. */
  private static final Rates RATES = new Rates(200_000_000_000L, 100_000_000_000L, 10_000_000_000L);

  private final GoldenCase golden;
  private final Mesh mesh;
  private final String backend;
  private final RankSpec spec;
  private final GoldenResult result;
  private final boolean replay;
  private final BatchTotals totals;

  private GoldenRun(
      GoldenCase golden,
      Mesh mesh,
      String backend,
      DType dtype,
      ScheduleSpec schedule,
      int expertRowsBound) {
    this.golden = golden;
    this.mesh = mesh;
    this.backend = backend;
    this.replay = dtype == DType.BF16;
    this.result = new GoldenResult(golden);
    this.totals = new BatchTotals(golden.tokens(), golden.labelled(), golden.rows().size());
    RowSchedules schedules =
        new RowSchedules(golden.model(), mesh, Dtypes.name(dtype), "ipc", RATES);
    LayoutKind layout = schedules.layout(schedule, MeshSpec.AUTO);
    this.spec =
        new RankSpec(
            golden.model(),
            mesh,
            golden.objective(),
            Execution.of(dtype),
            layout,
            MIN_CHUNK,
            1,
            schedules.kinds(schedule, layout),
            expertRowsBound,
            WORKSPACE_BYTES,
            null);
  }

  /**
   * One forward and backward pass of the case's batch, and in f32 the case's curve, on the ring
   * schedule.
   *
   * @param backend its name; every rank opens its own, with one thread
   * @param dtype F32, or BF16 with the case's router choices replayed
   */
  public static GoldenReport run(
      GoldenCase golden, Mesh mesh, String backend, DType dtype, LocalNetwork.Factory networks) {
    return run(golden, mesh, backend, dtype, networks, ScheduleSpec.all(RingSchedule.KEY));
  }

  /**
   * @param schedule of each kind of layers; rows get the layout that it prefers
   */
  public static GoldenReport run(
      GoldenCase golden,
      Mesh mesh,
      String backend,
      DType dtype,
      LocalNetwork.Factory networks,
      ScheduleSpec schedule) {
    int rowTokens = 1;
    for (GoldenCase.Row row : golden.rows()) {
      rowTokens = Math.max(rowTokens, row.tokens().length);
    }
    int bound = RankSpec.defaultRowsBound(golden.model(), mesh, rowTokens);
    return run(golden, mesh, backend, dtype, networks, schedule, bound);
  }

  /**
   * @param expertRowsBound most rows a rank's experts receive in one round
   */
  static GoldenReport run(
      GoldenCase golden,
      Mesh mesh,
      String backend,
      DType dtype,
      LocalNetwork.Factory networks,
      ScheduleSpec schedule,
      int expertRowsBound) {
    GoldenRun run = new GoldenRun(golden, mesh, backend, dtype, schedule, expertRowsBound);
    try (LocalNetwork network = networks.create(mesh.workers())) {
      RankThreads.run(mesh.workers(), network, run::rank);
    }
    return Comparison.of(golden, run.result, dtype);
  }

  private Boolean rank(Transport transport) throws IOException {
    try (Backend opened = Backends.open(backend, 1, Device.CPU);
        TrainingRank rank = TrainingRank.open(transport, opened, spec);
        HfWeights weights = HfWeights.open(golden.folder(), golden.model())) {
      rank.parameters().load(weights::read);
      int steps = replay ? 1 : Math.max(1, golden.curve().size());
      for (int step = 0; step < steps; step++) {
        transport.where().step(step);
        double[] losses = pass(rank, step == 0);
        if (step == 0 && transport.rank() == 0) {
          result.loss = losses[0];
          result.crossEntropy = losses[1];
        }
        if (step < result.curve.length && transport.rank() == 0) {
          result.curve[step] = losses[0];
        }
        double norm = Math.sqrt(rank.parameters().squaredNorm());
        double scale = Math.min(1, OPTIMIZER.clip() / (norm + 1e-6));
        rank.parameters().step(OPTIMIZER, OPTIMIZER.lr(), scale, step + 1);
      }
    }
    return true;
  }

  /**
   * Forward and backward of the whole batch: row i goes to data rank i mod D, and ranks without a
   * row take part with zero tokens.
   *
   * @return total loss and cross-entropy of the batch
   */
  private double[] pass(TrainingRank rank, boolean record) {
    int dataRank = mesh.place(rank.transport().rank(), Axis.DATA);
    rank.parameters().zeroGradients();
    double[] losses = new double[2];
    for (int from = 0; from < golden.rows().size(); from += mesh.dataParallel()) {
      int row = from + dataRank;
      StepSums sums =
          row < golden.rows().size()
              ? row(rank, row, record)
              : micro(
                  rank, rank.layOut(new Documents()), RowSource.NONE, new int[0], Observer.NONE);
      losses[0] += sums.total();
      losses[1] += sums.crossEntropy();
    }
    rank.parameters().reduceGradients();
    if (record) {
      for (OwnedSlice slice : rank.parameters().ownedSlices()) {
        float[] whole = result.gradient(slice.spec().name());
        slice.copyTo(slice.gradient(), MemorySegment.ofArray(whole));
      }
    }
    rank.everyone().sum(losses);
    return losses;
  }

  private static void write(RowPart part, int[] positions, MemorySegment own) {
    long at = 0;
    for (TokenRange run : part.runs()) {
      MemorySegment.copy(
          positions, run.start(), own, ValueLayout.JAVA_INT, at * Integer.BYTES, run.length());
      at += run.length();
    }
  }

  private StepSums row(TrainingRank rank, int index, boolean record) {
    GoldenCase.Row row = golden.rows().get(index);
    RowPart part = rank.layOut(row.documents());
    RowSource source =
        (run, tokens, labels) -> {
          MemorySegment.copy(
              row.tokens(), run.start(), tokens, ValueLayout.JAVA_INT, 0, run.length());
          MemorySegment.copy(
              row.labels(), run.start(), labels, ValueLayout.JAVA_INT, 0, run.length());
        };
    if (!record) {
      return micro(rank, part, source, row.positions(), Observer.NONE);
    }
    int[][] choices = new int[golden.choices().length][];
    int[][] expected = new int[golden.choices().length][];
    for (int layer = 0; layer < choices.length; layer++) {
      choices[layer] = result.choices[layer][index];
      expected[layer] = golden.choices()[layer][index];
    }
    return micro(
        rank,
        part,
        source,
        row.positions(),
        new RowRecorder(rank.backend(), part, result.logits[index], choices, expected, replay));
  }

  /**
   * @param positions of the row's tokens in the reference
   */
  private StepSums micro(
      TrainingRank rank, RowPart part, RowSource source, int[] positions, Observer observer) {
    try (PreparedRow row = rank.prepare(part, source, totals)) {
      Tensor own = row.batch().positions();
      rank.backend().onHost(List.of(), List.of(own), () -> write(part, positions, own.segment()));
      return row.forwardBackward(rank.observer(observer));
    }
  }
}
