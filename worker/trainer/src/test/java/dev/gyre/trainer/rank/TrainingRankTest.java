package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.conformance.DeferredBackend;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.Pass;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.RowSchedules;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.generate.Generator;
import dev.gyre.trainer.generate.Sampling;
import dev.gyre.trainer.offload.OffloadSpec;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.IntUnaryOperator;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Training on several ranks gives the same model as training on one. */
final class TrainingRankTest {
  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(32, 16), 4, new HeadShape(4, 2, 8))
          .mlp(12)
          .experts(5, 2)
          .tied(true)
          .attention(
              new AttentionPattern(
                  List.of(LayerKind.LINEAR, LayerKind.SLIDING, LayerKind.LINEAR, LayerKind.FULL),
                  7))
          .mlpOnly(List.of(1))
          .spec();
  private static final Objective OBJECTIVE = Objective.of(0.01, 0.001);
  private static final TrainSpec.Optimizer ADAM =
      TrainSpec.Optimizer.constant(1e-3).with("eps", 1e-4);
  private static final List<Documents> ROWS =
      List.of(new Documents(37, 3, 8), new Documents(48), new Documents(1, 46, 1));
  private static final int STEPS = 5;
  private static final int ROW_TOKENS = 48;

  private static final class Trained {
    final double[] losses = new double[STEPS];
    final double[] norms = new double[STEPS];
    final int[][][] choices = new int[STEPS][MODEL.depth()][ROWS.size() * ROW_TOKENS * 2];
    final Map<String, float[]> weights = new LinkedHashMap<>();
    final Map<String, Long> sent = new ConcurrentHashMap<>();
    final AtomicLong peakBytes = new AtomicLong();

    Trained() {
      for (TensorSpec spec : MODEL.tensors()) {
        weights.put(spec.name(), new float[(int) spec.elements()]);
      }
    }

    float[] weights(String name) {
      float[] values = weights.get(name);
      if (values == null) {
        throw new IllegalArgumentException(name);
      }
      return values;
    }
  }

  @Test
  void fiveStepsOnAnyMeshEqualThoseOfOneRank() {
    Trained want = train(new Mesh(1, 1, 1, 1), Checkpointing.NONE, 1000);
    assertTrue(want.losses[STEPS - 1] < want.losses[0], "one rank learns");
    for (Mesh mesh :
        List.of(
            new Mesh(1, 2, 1, 2),
            new Mesh(2, 1, 2, 4),
            new Mesh(3, 1, 1, 1),
            new Mesh(1, 1, 4, 2))) {
      assertSame(mesh.toString(), want, train(mesh, Checkpointing.NONE, 1000));
    }
  }

  /**
   * Schedules are chosen per row and kind of layer, equally on every rank, and change no result.
   */
  @Test
  void schedulesChosenRowByRowChangeNothing() {
    Trained want = train(new Mesh(1, 1, 1, 1), Checkpointing.NONE, 1000);
    Mesh mesh = new Mesh(1, 3, 1, 3);
    // A link so fast that in contiguous order the better balance decides, even for a few dozen
    // tokens.
    RowSchedules schedules =
        new RowSchedules(MODEL, mesh, "f32", "ipc", new Rates(1, 2_000_000, 1L << 50));
    ScheduleSpec auto = ScheduleSpec.AUTO;
    LayoutKind layout = schedules.layout(auto, "contiguous");
    RankSpec spec =
        new RankSpec(
            MODEL,
            mesh,
            OBJECTIVE,
            new Execution(DType.F32, Checkpointing.NONE, 16),
            layout,
            4,
            1,
            schedules.kinds(auto, layout),
            1000,
            8 << 20,
            null);
    assertSame("auto", want, train(spec));
    List<List<Map<LayerKind, String>>> choices;
    try (LocalNetwork network = LocalNetwork.loopback(3, Options.plain())) {
      choices = RankThreads.run(3, network, transport -> choices(transport, spec));
    }
    assertEquals(choices.get(0), choices.get(1));
    assertEquals(choices.get(0), choices.get(2));
    assertEquals("balanced", choices.get(0).get(1).get(LayerKind.FULL), "one document");
    Set<String> different = new HashSet<>();
    choices.get(0).forEach(row -> different.addAll(row.values()));
    assertTrue(different.size() > 1, different::toString);
  }

  private static List<Map<LayerKind, String>> choices(Transport transport, RankSpec spec) {
    try (Backend backend = new ScalarBackendProvider().open(1);
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      return ROWS.stream().map(documents -> rank.layOut(documents).choices()).toList();
    }
  }

  @Test
  void recomputedBlocksAndManyExpertRoundsChangeNothing() {
    Trained want = train(new Mesh(1, 1, 1, 1), Checkpointing.NONE, 1000);
    assertSame("recomputed", want, train(new Mesh(1, 2, 2, 4), Checkpointing.ALL, 7));
  }

  @Test
  void theSameMeshGivesTheSameBits() {
    Trained first = train(new Mesh(1, 2, 2, 2), Checkpointing.NONE, 20);
    Trained second = train(new Mesh(1, 2, 2, 2), Checkpointing.NONE, 20);
    assertSameBits("again", first, second);
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void whatIsKeptOfABlockAndWhereChangesNoBit(DType compute, @TempDir Path folder) {
    for (Mesh mesh : List.of(new Mesh(1, 2, 2, 2), new Mesh(1, 3, 1, 3))) {
      int rowsBound = mesh.ulysses() > 1 ? 1000 : 9; // one round, and several
      Trained want = train(mesh, new Execution(compute, Checkpointing.NONE, 16), rowsBound, null);
      for (Checkpointing policy : Checkpointing.values()) {
        for (OffloadSpec offload : Arrays.asList(null, new OffloadSpec(folder, 1 << 20))) {
          if (policy == Checkpointing.NONE && offload == null) {
            continue;
          }
          String what = policy + (offload == null ? "" : " on disk") + " on " + mesh;
          Trained got = train(mesh, new Execution(compute, policy, 16), rowsBound, offload);
          assertSameBits(what, want, got);
          assertAttentionIsSent(what, want, got, policy == Checkpointing.ALL);
          assertTrue(offload == null || got.peakBytes.get() < want.peakBytes.get(), what);
        }
      }
    }
  }

  /**
   * Kernels run late, in a memory that has only those of the host's bytes that were declared: bits
   * differ if the host reads too early, or reads or writes without declaring it.
   */
  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void aDeviceWithItsOwnMemoryLearnsTheSameBits(DType compute, @TempDir Path folder) {
    for (Mesh mesh : List.of(new Mesh(1, 1, 1, 1), new Mesh(1, 2, 2, 2), new Mesh(2, 3, 1, 3))) {
      for (OffloadSpec offload : Arrays.asList(null, new OffloadSpec(folder, 1 << 20))) {
        Checkpointing keep = offload == null ? Checkpointing.ALL : Checkpointing.ATTENTION_SAVING;
        RankSpec spec = spec(mesh, new Execution(compute, keep, 16), 9, offload);
        Trained want = train(spec);
        String what = mesh + (offload == null ? "" : " on disk");
        assertSameBits(what, want, train(spec, DeferredBackend::new));
      }
    }
  }

  @Test
  void aDeviceWithItsOwnMemoryInfersTheSame() {
    assertEquals(
        inferred(() -> new ScalarBackendProvider().open(1)), inferred(DeferredBackend::new));
  }

  /**
   * A generated continuation, the loss of every token of a row, and where values are not finite.
   */
  private static List<Object> inferred(Supplier<Backend> backends) {
    RankSpec spec =
        spec(new Mesh(1, 1, 1, 1), new Execution(DType.BF16, Checkpointing.NONE, 16), 100, null);
    List<Object> found = new ArrayList<>();
    try (LocalNetwork network = LocalNetwork.loopback(1, Options.plain());
        Backend backend = backends.get();
        TrainingRank rank = TrainingRank.open(network.open(0), backend, spec)) {
      rank.parameters().initialise(5);
      new Generator(rank, ROW_TOKENS)
          .generate(new int[] {3, 1, 4}, 20, new Sampling(0.8, 7), found::add);
      BatchTotals totals = new BatchTotals(ROW_TOKENS, ROW_TOKENS, 1);
      RowSource source = (run, t, l) -> read(0, run, t, l);
      try (PreparedRow row = rank.prepare(rank.layOut(ROWS.getFirst()), source, totals)) {
        Tensor losses = rank.workspace().save(DType.F32, ROW_TOKENS);
        rank.model().evaluate(row.input(), losses, Observer.NONE);
        found.add(Arrays.toString(Tensors.toFloats(losses)));
        found.add(String.valueOf(rank.model().firstNonFinite(row.input())));
        rank.model().evaluate(row.input(), losses, firstExperts(backend));
        found.add(Arrays.toString(Tensors.toFloats(losses)));
      }
    }
    return found;
  }

  /** Makes every token choose experts 0 and 1. */
  private static Observer firstExperts(Backend backend) {
    return new Observer() {
      @Override
      public boolean replay(int layer, Tensor indices) {
        backend.hostWrites(indices);
        for (long i = 0; i < indices.elements(); i++) {
          indices.segment().setAtIndex(ValueLayout.JAVA_INT, i, (int) (i % 2));
        }
        return true;
      }
    };
  }

  /** Collectives of attention are repeated by the policy that drops its results, and only by it. */
  private static void assertAttentionIsSent(String what, Trained none, Trained got, boolean again) {
    for (String kind : List.of("ring", "all-to-all")) {
      long once = none.sent.getOrDefault(kind, 0L);
      long now = got.sent.getOrDefault(kind, 0L);
      assertEquals(again && once > 0, now > once, what + ", bytes of " + kind);
      assertTrue(again || now == once, what + ", bytes of " + kind);
    }
  }

  private static void assertSameBits(String what, Trained want, Trained got) {
    assertArrayEquals(want.losses, got.losses, what);
    assertArrayEquals(want.norms, got.norms, what);
    want.weights.forEach((name, w) -> assertArrayEquals(w, got.weights(name), what + ", " + name));
  }

  @Test
  void aMeshOfAnotherSizeIsRefused() {
    try (LocalNetwork network = LocalNetwork.loopback(2, Options.plain());
        Backend backend = new ScalarBackendProvider().open(1)) {
      Transport transport = network.open(0);
      RankSpec spec =
          spec(new Mesh(1, 3, 1, 1), new Execution(DType.F32, Checkpointing.NONE, 16), 10, null);
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class, () -> TrainingRank.open(transport, backend, spec));
      assertTrue(e.getMessage().contains("3 workers"), e.getMessage());
    }
  }

  private static void assertSame(String what, Trained want, Trained got) {
    for (int step = 0; step < STEPS; step++) {
      for (int layer = 0; layer < MODEL.depth(); layer++) {
        assertArrayEquals(
            want.choices[step][layer], got.choices[step][layer], what + " choices " + step);
      }
      assertEquals(want.losses[step], got.losses[step], 1e-5, what + " loss of step " + step);
      assertEquals(
          want.norms[step], got.norms[step], 1e-4 * want.norms[step], what + " norm " + step);
    }
    want.weights.forEach(
        (name, w) -> {
          float largest = 0;
          for (float x : w) {
            largest = Math.max(largest, Math.abs(x));
          }
          assertArrayEquals(w, got.weights(name), 2e-4f * largest, what + " " + name);
        });
  }

  private static RankSpec spec(
      Mesh mesh, Execution execution, int rowsBound, @Nullable OffloadSpec offload) {
    return new RankSpec(
        MODEL,
        mesh,
        OBJECTIVE,
        execution,
        LayoutKind.ZIGZAG,
        4,
        1,
        RankSpec.everywhere(MODEL, new RingSchedule()),
        rowsBound,
        8 << 20,
        offload);
  }

  private static Trained train(Mesh mesh, Checkpointing checkpointing, int rowsBound) {
    return train(mesh, new Execution(DType.F32, checkpointing, 16), rowsBound, null);
  }

  private static Trained train(
      Mesh mesh, Execution execution, int rowsBound, @Nullable OffloadSpec offload) {
    return train(spec(mesh, execution, rowsBound, offload));
  }

  private static Trained train(RankSpec spec) {
    return train(spec, () -> new ScalarBackendProvider().open(1));
  }

  private static Trained train(RankSpec spec, Supplier<Backend> backends) {
    return train(spec, backends, TrainingRankTest::oneAfterTheOther);
  }

  /** Adds the gradients of a step's micro-batches. */
  private interface Passes {
    /**
     * @return this rank's part of the loss
     */
    double run(TrainingRank rank, int step, Trained trained);
  }

  private static Trained train(RankSpec spec, Supplier<Backend> backends, Passes passes) {
    Trained trained = new Trained();
    int workers = spec.mesh().workers();
    try (LocalNetwork network = LocalNetwork.loopback(workers, Options.plain().withNeverBuffer())) {
      RankThreads.run(
          workers, network, transport -> train(transport, spec, backends, passes, trained));
    }
    return trained;
  }

  private static Boolean train(
      Transport transport,
      RankSpec spec,
      Supplier<Backend> backends,
      Passes passes,
      Trained trained) {
    try (Backend backend = backends.get();
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters().initialise(5);
      for (int step = 0; step < STEPS; step++) {
        rank.parameters().zeroGradients();
        double[] loss = {passes.run(rank, step, trained)};
        rank.everyone().sum(loss);
        rank.parameters().reduceGradients();
        double norm = Math.sqrt(rank.parameters().squaredNorm());
        rank.parameters().step(ADAM, ADAM.lr(), Math.min(1, 1 / norm), step + 1);
        trained.losses[step] = loss[0];
        trained.norms[step] = norm;
      }
      transport
          .counters()
          .bytesSent()
          .forEach((kind, bytes) -> trained.sent.merge(kind, bytes, Long::sum));
      trained.peakBytes.accumulateAndGet(rank.workspace().peakBytes(), Math::max);
      for (OwnedSlice s : rank.parameters().ownedSlices()) {
        float[] all = trained.weights(s.spec().name());
        s.copyTo(s.master(), MemorySegment.ofArray(all));
      }
    }
    return true;
  }

  /** This rank's rows, one for each micro-step; some may be beyond the last. */
  private static List<Integer> rows(TrainingRank rank) {
    Mesh mesh = rank.spec().mesh();
    List<Integer> rows = new ArrayList<>();
    for (int from = 0; from < ROWS.size(); from += mesh.dataParallel()) {
      rows.add(from + mesh.place(rank.transport().rank(), Axis.DATA));
    }
    return rows;
  }

  private static double oneAfterTheOther(TrainingRank rank, int step, Trained trained) {
    double loss = 0;
    for (int row : rows(rank)) {
      try (PreparedRow prepared = prepare(rank, row, rank.workspace())) {
        loss += prepared.forwardBackward(rank.observer(choices(rank, row, step, trained))).total();
      }
    }
    return loss;
  }

  /** All rows are open at once; their backward passes run in the order of the rows. */
  private static double inFlight(TrainingRank rank, int step, Trained trained) {
    List<Integer> rows = rows(rank);
    List<PreparedRow> prepared = new ArrayList<>();
    List<Pass> passes = new ArrayList<>();
    for (int i = 0; i < rows.size(); i++) {
      Workspace memory = rank.workspace().part(i, rows.size());
      prepared.add(prepare(rank, rows.get(i), memory));
      Observer observer = rank.observer(choices(rank, rows.get(i), step, trained));
      passes.add(rank.model().forward(prepared.get(i).input(), observer));
    }
    double loss = 0;
    for (int i = 0; i < rows.size(); i++) {
      loss += passes.get(i).backward().total();
      passes.get(i).close();
      prepared.get(i).close();
    }
    return loss;
  }

  /** All of this rank's rows in one micro-step. */
  private static double together(TrainingRank rank, int step, Trained trained) {
    List<Integer> rows = rows(rank).stream().filter(row -> row < ROWS.size()).toList();
    RowPart part = rank.layOut(rows.stream().map(ROWS::get).toList());
    BatchTotals totals =
        new BatchTotals((long) ROWS.size() * ROW_TOKENS, (long) ROWS.size() * ROW_TOKENS, 3);
    RowSource source =
        (run, tokens, labels) -> {
          for (int p = run.start(); p < run.end(); p++) {
            long at = (long) (p - run.start()) * Integer.BYTES;
            read(
                rows.get(p / ROW_TOKENS),
                new TokenRange(p % ROW_TOKENS, 1),
                tokens.asSlice(at, Integer.BYTES),
                labels.asSlice(at, Integer.BYTES));
          }
        };
    try (PreparedRow prepared = rank.prepare(part, source, totals)) {
      Observer observer =
          choices(
              rank,
              part,
              p -> rows.get(p / ROW_TOKENS) * ROW_TOKENS + p % ROW_TOKENS,
              step,
              trained);
      return prepared.forwardBackward(rank.observer(observer)).total();
    }
  }

  /** The balance loss is per row, so it is not that of one longer row. */
  @Test
  void severalRowsInAMicroStepTrainLikeOneEach() {
    Trained want = train(new Mesh(1, 1, 1, 1), Checkpointing.NONE, 1000);
    for (Mesh mesh :
        List.of(
            new Mesh(1, 1, 1, 1),
            new Mesh(1, 2, 2, 2),
            new Mesh(1, 3, 1, 3),
            new Mesh(2, 1, 1, 2),
            new Mesh(1, 1, 4, 1))) {
      for (Checkpointing policy : Checkpointing.values()) {
        RankSpec spec = spec(mesh, new Execution(DType.F32, policy, 16), 1000, null);
        Trained got =
            train(spec, () -> new ScalarBackendProvider().open(1), TrainingRankTest::together);
        assertSame(policy + " on " + mesh, want, got);
      }
    }
  }

  @Test
  void rowsWithAnAnchorAreNotJoined() {
    ModelSpec anchored =
        new Decoder(new EmbeddingSpec(32, 16), 1, new HeadShape(4, 2, 8))
            .mlp(12)
            .attention(new AttentionPattern(List.of(LayerKind.FULL), 0, 0, true, 0))
            .spec();
    RankSpec spec =
        RankSpec.of(
            anchored,
            new Mesh(1, 1, 1, 1),
            OBJECTIVE,
            Execution.of(DType.F32),
            ROW_TOKENS,
            1 << 20);
    try (LocalNetwork network = LocalNetwork.loopback(1, Options.plain());
        Backend backend = new ScalarBackendProvider().open(1)) {
      RankThreads.run(
          1,
          network,
          transport -> {
            try (TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
              assertEquals(List.of(48), rank.layOut(ROWS.getFirst()).rows());
              return assertThrows(IllegalArgumentException.class, () -> rank.layOut(ROWS));
            }
          });
    }
  }

  @Test
  void rowsThatAreOpenAtOnceChangeNoBit(@TempDir Path folder) {
    for (Mesh mesh : List.of(new Mesh(1, 2, 2, 2), new Mesh(2, 1, 1, 2), new Mesh(1, 3, 1, 3))) {
      for (Checkpointing policy : Checkpointing.values()) {
        for (OffloadSpec offload : Arrays.asList(null, new OffloadSpec(folder, 1 << 20))) {
          RankSpec spec = spec(mesh, new Execution(DType.F32, policy, 16), 9, offload);
          Trained got =
              train(spec, () -> new ScalarBackendProvider().open(1), TrainingRankTest::inFlight);
          String what = policy + (offload == null ? "" : " on disk") + " on " + mesh;
          assertSameBits(what, train(spec), got);
        }
      }
    }
  }

  private static PreparedRow prepare(TrainingRank rank, int row, Workspace memory) {
    boolean there = row < ROWS.size();
    RowPart part = rank.layOut(there ? ROWS.get(row) : new Documents());
    RowSource source = there ? (run, t, l) -> read(row, run, t, l) : RowSource.NONE;
    int rows = ROWS.size();
    BatchTotals totals = new BatchTotals((long) rows * ROW_TOKENS, (long) rows * ROW_TOKENS, rows);
    return rank.prepare(part, source, totals, memory);
  }

  private static Observer choices(TrainingRank rank, int row, int step, Trained trained) {
    RowPart part = rank.layOut(row < ROWS.size() ? ROWS.get(row) : new Documents());
    return choices(rank, part, p -> row * ROW_TOKENS + p, step, trained);
  }

  /**
   * @param place of a position among all tokens of the batch
   */
  private static Observer choices(
      TrainingRank rank, RowPart part, IntUnaryOperator place, int step, Trained trained) {
    return new Observer() {
      @Override
      public void routed(int layer, Tensor indices, Tensor weights) {
        rank.backend().hostReads(indices);
        long[] chosen = Tensors.toLongs(indices);
        int at = 0;
        for (TokenRange run : part.runs()) {
          for (int p = run.start(); p < run.end(); p++) {
            for (int k = 0; k < 2; k++) {
              trained.choices[step][layer][place.applyAsInt(p) * 2 + k] = (int) chosen[at++];
            }
          }
        }
      }
    };
  }

  private static void read(int row, TokenRange run, MemorySegment tokens, MemorySegment labels) {
    int[] ids = new Random(row).ints(ROW_TOKENS + 1, 0, MODEL.vocabulary()).toArray();
    for (int i = 0; i < run.length(); i++) {
      tokens.setAtIndex(ValueLayout.JAVA_INT, i, ids[run.start() + i]);
      labels.setAtIndex(ValueLayout.JAVA_INT, i, ids[run.start() + i + 1]);
    }
  }
}
