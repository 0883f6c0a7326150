package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.Observer;
import dev.gyre.model.local.LayerModel;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.StepCost;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.offload.OffloadSpec;
import dev.gyre.trainer.worker.Dtypes;
import dev.gyre.trainer.worker.Transports;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A step's measured peak and messages against the plan's prediction, for every policy. */
final class PredictedMemoryTest {
  private static final int ROW_TOKENS = 576;

  /** Every recompute policy, in memory and on disk, without and with MLP tiles. */
  private static final List<MemorySpec> ALL = policies();

  /** Every recompute policy once. */
  private static final List<MemorySpec> SOME =
      List.of(
          MemorySpec.of("none", "false", 0),
          MemorySpec.of("attention-saving", "false", 128),
          MemorySpec.of("all", "true", 0));

  @TempDir private Path folder;

  private static List<MemorySpec> policies() {
    List<MemorySpec> all = new ArrayList<>();
    for (Checkpointing keep : Checkpointing.values()) {
      for (String offload : List.of("false", "true")) {
        for (int tile : new int[] {0, 128}) {
          all.add(MemorySpec.of(keep.key(), offload, tile));
        }
      }
    }
    return all;
  }

  @ParameterizedTest
  @CsvSource({
    "1, 1, 1, f32, ring, 8, FULL",
    "1, 2, 1, bf16, ring, 8, FULL",
    "1, 1, 2, bf16, ring, 8, FULL",
    "1, 2, 2, f32, ring, 8, FULL",
    "2, 1, 1, bf16, ring, 8, FULL",
    "1, 4, 1, bf16, allgather, 8, FULL",
    "1, 4, 1, bf16, tokenring, 8, FULL",
    "1, 4, 1, f32, balanced, 8, FULL",
    "1, 2, 1, bf16, ring, 0, FULL",
    "1, 1, 1, bf16, ring, 8, LINEAR",
    "1, 2, 2, f32, ring, 8, LINEAR",
    "1, 4, 1, bf16, ring, 0, LINEAR",
    "1, 2, 1, bf16, ring, 8, SLIDING",
    "1, 3, 1, f32, tokenring, 0, SLIDING",
  })
  void thePeakAndTheMessagesAreAsPredicted(
      int data,
      int ring,
      int ulysses,
      String dtype,
      String schedule,
      int experts,
      LayerKind first) {
    for (MemorySpec memory : SOME) {
      JobSpec job =
          job(
              MeshSpec.of(0, data, ring, ulysses, 0).with("schedule", ScheduleSpec.all(schedule)),
              dtype,
              experts,
              first,
              memory);
      assertAsPredicted(job);
    }
  }

  private void assertAsPredicted(JobSpec job) {
    Plan plan = ModelDryRun.PLANNER.plan(job, host());
    Measured step = measured(job, plan, true);
    long measured = step.peak;
    double ratio = (double) plan.memory().balanced() / measured;
    String what =
        "%s on %s: predicted %,d, measured %,d"
            .formatted(plan.activations(), plan.mesh(), plan.memory().balanced(), measured);
    assertTrue(ratio > 0.999 && ratio < 1.001, what);
    StepCost cost = plan.cost();
    assertSent(plan, cost.ringBytes(), step, "ring");
    assertSent(plan, cost.ulyssesBytes(), step, "all-to-all");
    assertSent(plan, cost.stateBytes(), step, "state");
    assertSent(plan, cost.moveBytes(), step, "move");
    assertSent(plan, cost.expertBytes(), step, "dispatch", "combine");
  }

  /** Latent attention, shared experts, biases of experts in f32, and all other features. */
  @ParameterizedTest
  @EnumSource
  void everyFeatureOfLayersTakesWhatIsPredicted(LayerModel of) {
    for (MeshSpec mesh :
        List.of(
            MeshSpec.of(0, 1, 2, 1, 0).with("schedule", ScheduleSpec.all("ring")),
            MeshSpec.of(0, 1, 1, 2, 0).with("schedule", ScheduleSpec.all("ring")))) {
      for (MemorySpec memory : SOME) {
        String dtype = mesh.ring() == 1 ? "f32" : "bf16";
        JobSpec job = job(mesh, dtype, 0, LayerKind.FULL, memory);
        assertAsPredicted(job.with("model", of.spec()));
      }
    }
  }

  /**
   * Recomputed work sends again, and the prediction includes it; a prediction is the mean over
   * ranks.
   */
  private static void assertSent(Plan plan, long predicted, Measured step, String... kinds) {
    long sent = 0;
    for (String kind : kinds) {
      sent += step.sent.getOrDefault(kind, 0L);
    }
    int workers = plan.mesh().workers();
    assertEquals(
        predicted,
        sent / workers,
        "%s on %s: bytes of %s"
            .formatted(plan.activations(), plan.mesh(), String.join(" and ", kinds)));
  }

  /**
   * All tokens go to the experts of one rank: in as many rounds as needed, within the planned slab.
   */
  @ParameterizedTest
  @CsvSource({"2, 1", "1, 2"})
  void theWorstRoutingStaysInsideTheSlab(int ring, int ulysses) {
    MeshSpec mesh = MeshSpec.of(0, 1, ring, ulysses, 0);
    for (MemorySpec memory : SOME) {
      assertWorstInsideSlab(job(mesh, "bf16", 8, LayerKind.FULL, memory));
    }
  }

  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.MATCH_ANY,
      names = {"SINKS.*", "LATENT.*"})
  void theWorstRoutingStaysInsideTheSlabWithAnyExperts(LayerModel of) {
    for (MemorySpec memory : SOME) {
      JobSpec job = job(MeshSpec.of(0, 1, 2, 1, 2), "bf16", 8, LayerKind.FULL, memory);
      assertWorstInsideSlab(job.with("model", of.spec()));
    }
  }

  private void assertWorstInsideSlab(JobSpec job) {
    Plan plan = ModelDryRun.PLANNER.plan(job, host());
    long live = plan.memory().activations() + plan.memory().scratch();
    long measured = measured(job, plan, false).peak;
    assertTrue(
        measured <= live,
        "%s: predicted %,d, measured %,d".formatted(plan.activations(), live, measured));
  }

  /**
   * The first rank of a row receives the gradients of all others' states; Ulysses ranks have 6, 5
   * and 5 of 16 query heads, and the second alone uses both key/value heads.
   */
  @ParameterizedTest
  @CsvSource({
    "4, 1, ring, LINEAR, 8, 4",
    "1, 3, ring, FULL, 16, 2",
    "4, 3, allgather, FULL, 16, 2"
  })
  void theFullestRankIsFound(
      int ring, int ulysses, String schedule, LayerKind kind, int heads, int kvHeads) {
    MeshSpec mesh =
        MeshSpec.of(0, 1, ring, ulysses, 0).with("schedule", ScheduleSpec.all(schedule));
    ModelSpec model =
        new Decoder(new EmbeddingSpec(96, 32), 2, new HeadShape(heads, kvHeads, 32))
            .mlp(48)
            .attention(new AttentionPattern(List.of(kind, kind), 0))
            .spec();
    for (MemorySpec memory : SOME) {
      JobSpec job = job(mesh, "f32", 0, LayerKind.FULL, memory).with("model", model);
      Plan plan = ModelDryRun.PLANNER.plan(job, host());
      long measured = measured(job, plan, true).peak;
      double ratio = (double) plan.memory().balanced() / measured;
      assertTrue(
          ratio > 0.999 && ratio < 1.001,
          "%s: predicted %,d, measured %,d"
              .formatted(plan.activations(), plan.memory().balanced(), measured));
    }
  }

  @Test
  void severalShortRowsTakeWhatIsPredicted() {
    for (MemorySpec memory : SOME) {
      JobSpec oneRow = job(MeshSpec.of(0, 1, 1, 1, 0), "f32", 8, LayerKind.FULL, memory);
      JobSpec job = oneRow.with("train", oneRow.train().with("sequenceLength", ROW_TOKENS / 9));
      Plan plan = ModelDryRun.PLANNER.plan(job, host());
      assertEquals(9, plan.rowsPerMicroStep());
      assertEquals(plan.memory().balanced(), measured(job, plan, true).peak);
    }
  }

  @Test
  void everyRotaryEmbeddingHasATable() {
    MeshSpec mesh = MeshSpec.of(0, 1, 2, 1, 0).with("schedule", ScheduleSpec.all("ring"));
    JobSpec one = job(mesh, "f32", 0, LayerKind.FULL, SOME.getFirst());
    ModelSpec model = one.model();
    List<LayerSpec> layers = new ArrayList<>();
    for (int layer = 0; layer < model.depth(); layer++) {
      SoftmaxAttention softmax = (SoftmaxAttention) model.mixer(layer);
      RopeSpec own = new RopeSpec(100.0 * (layer + 1));
      layers.add(
          new LayerSpec(
              new SoftmaxAttention(softmax.heads(), softmax.kind(), softmax.mask(), own),
              model.feedForward(layer)));
    }
    JobSpec three =
        one.with(
            "model",
            new ModelSpec(
                model.embedding(),
                layers,
                model.head(),
                model.normEps(),
                model.initializerRange()));
    Plan planOfOne = ModelDryRun.PLANNER.plan(one, host());
    Plan planOfThree = ModelDryRun.PLANNER.plan(three, host());
    long planned = planOfThree.memory().balanced() - planOfOne.memory().balanced();
    assertTrue(planned > 0, "tables");
    assertEquals(
        planned, measured(three, planOfThree, true).peak - measured(one, planOfOne, true).peak);
  }

  private static WorkerCapabilities host() {
    return new WorkerCapabilities(
        List.of(
            new WorkerCapabilities.Backend(
                "vector", "", List.of("f32", "bf16"), List.of("f32"), "")),
        Transports.offers(),
        List.of(new WorkerCapabilities.Host(2, 64L << 30, 0, Rates.UNKNOWN)));
  }

  private static JobSpec job(
      MeshSpec mesh, String dtype, int experts, LayerKind first, MemorySpec memory) {
    ModelSpec model =
        new Decoder(new EmbeddingSpec(96, 32), 3, new HeadShape(8, 4, 8))
            .mlp(48)
            .experts(experts, experts == 0 ? 0 : 2)
            .attention(
                new AttentionPattern(
                    List.of(first, LayerKind.FULL, first), first == LayerKind.SLIDING ? 40 : 0))
            .mlpOnly(List.of(1))
            .spec();
    int rows = Math.max(1, mesh.dataParallel());
    TrainSpec train =
        TrainSpec.of(ROW_TOKENS, (long) rows * ROW_TOKENS)
            .with(
                Map.of(
                    "steps",
                    1,
                    "dtype",
                    dtype,
                    "optimizer",
                    TrainSpec.Optimizer.constant(1e-3),
                    "memory",
                    memory));
    DatasetSpec dataset =
        DatasetSpec.of(List.of(DatasetSpec.Source.of("text")))
            .with(Map.of("packing", "concat", "holdout", 0));
    return JobSpec.of("test", model, dataset, train)
        .with(Map.of("mesh", mesh, "backend", "vector", "eval", JobSpec.Eval.of(0, 0)));
  }

  /**
   * One step.
   *
   * @param peak of the fullest rank's workspace
   * @param sent payload bytes of all ranks by kind of collective
   */
  private record Measured(long peak, Map<String, Long> sent) {}

  private Measured measured(JobSpec job, Plan plan, boolean balanced) {
    RankSpec spec =
        RankSpec.of(job, plan, Dtypes.of(plan.dtype()), OffloadSpec.of(job, plan, folder));
    long most = 0;
    Map<String, Long> sent = new TreeMap<>();
    try (LocalNetwork network = LocalNetwork.loopback(plan.mesh().workers(), Options.plain())) {
      for (Measured rank :
          RankThreads.run(
              plan.mesh().workers(), network, t -> step(t, spec, job.model(), balanced))) {
        most = Math.max(most, rank.peak);
        rank.sent.forEach((kind, bytes) -> sent.merge(kind, bytes, Long::sum));
      }
    }
    return new Measured(most, sent);
  }

  private static Measured step(
      Transport transport, RankSpec spec, ModelSpec model, boolean balanced) {
    try (Backend backend = vector();
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters().initialise(5);
      rank.parameters().zeroGradients();
      long tokens = (long) ROW_TOKENS * spec.mesh().dataParallel();
      int rows = spec.rowsPerMicroStep();
      try (PreparedRow row =
          rank.prepare(
              rank.layOut(Collections.nCopies(rows, new Documents(ROW_TOKENS / rows))),
              (_, ids, labels) -> {
                ids.fill((byte) 0);
                labels.fill((byte) 0);
              },
              new BatchTotals(tokens, tokens, rows * spec.mesh().dataParallel()))) {
        row.forwardBackward(routed(model, balanced));
      }
      assertEquals(0, rank.workspace().savedMark());
      return new Measured(rank.workspace().peakBytes(), transport.counters().bytesSent());
    }
  }

  private static Backend vector() {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(p -> p.name().equals("vector"))
        .findFirst()
        .orElseThrow()
        .open(1);
  }

  /** Every expert gets equally many rows, or the first two get all. */
  private static Observer routed(ModelSpec model, boolean balanced) {
    return new Observer() {
      @Override
      public boolean replay(int layer, Tensor indices) {
        MemorySegment chosen = indices.segment();
        for (long c = 0; c < indices.elements(); c++) {
          long expert = balanced ? c % model.experts() : c % model.expertsPerToken();
          chosen.setAtIndex(ValueLayout.JAVA_INT, c, (int) expert);
        }
        return true;
      }
    };
  }
}
