package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Loss, logits, router choices and every gradient against float64 PyTorch, on one worker. */
final class GoldenTest {
  private static final Execution TILED = new Execution(DType.F32, Checkpointing.NONE, 37);
  private static final Execution RECOMPUTED = new Execution(DType.F32, Checkpointing.ALL, 1024);

  static Stream<Arguments> backendsAndCases() {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(p -> p.probe() instanceof BackendProbe.Available)
        .flatMap(p -> GoldenCase.NAMES.stream().map(c -> Arguments.of(p.name(), c)));
  }

  static List<String> cases() {
    return GoldenCase.NAMES;
  }

  @ParameterizedTest
  @MethodSource("backendsAndCases")
  void equalsPyTorch(String backend, String name) throws IOException {
    check(backend, name, OneWorker.f32(), Integer.MAX_VALUE);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void tiledHeadAndSeveralExpertRounds(String name) throws IOException {
    check("scalar", name, TILED, 50);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void recomputedActivations(String name) throws IOException {
    check("scalar", name, RECOMPUTED, Integer.MAX_VALUE);
  }

  static Backend open(String name) {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(p -> p.name().equals(name))
        .findFirst()
        .orElseThrow()
        .open(1);
  }

  private static void check(String backendName, String name, Execution execution, int roundRows)
      throws IOException {
    try (Arena arena = Arena.ofConfined();
        Backend backend = open(backendName);
        GoldenCase golden = new GoldenCase(name)) {
      Objective objective = Objective.of(golden.config.balanceLoss(), golden.config.zLoss());
      OneWorker worker =
          new OneWorker(golden.config.model(), execution, objective, roundRows, backend, arena);
      worker.load(golden.folder, golden.config.model());
      Watch watch = new Watch(golden);
      double crossEntropy = 0;
      double total = 0;
      for (int row = 0; row < golden.rows.size(); row++) {
        worker.setRow(golden.rows.get(row).documents());
        watch.row = row;
        StepSums sums = worker.forwardBackward(golden.microBatch(row, arena), watch);
        crossEntropy += sums.crossEntropy();
        total += sums.total();
        assertChoicesCounted(golden, sums);
      }
      assertEquals(golden.expected.readDoubles("ce")[0], crossEntropy, 1e-5, "cross-entropy");
      assertEquals(golden.expected.readDoubles("loss")[0], total, 1e-5, "total loss");
      close("logits", golden.floats("logits"), watch.logits, 0);
      assertEquals(golden.rows.size() * golden.config.model().depth(), watch.layersRouted);
      assertGradients(golden, worker);
      assertEquals(0, worker.workspace.savedMark());
      assertEquals(worker.workspace.sizeBytes(), worker.workspace.scratchMark());
    }
  }

  private static void assertChoicesCounted(GoldenCase golden, StepSums sums) {
    long wanted = (long) golden.tokensPerRow() * golden.config.model().expertsPerToken();
    for (long[] layer : sums.expertRows()) {
      assertEquals(wanted, Arrays.stream(layer).sum());
    }
  }

  private static void assertGradients(GoldenCase golden, OneWorker worker) {
    double largest = 0;
    for (TensorSpec p : worker.parameters.specs()) {
      largest = Math.max(largest, magnitude(golden.gradient(p)));
    }
    for (TensorSpec p : worker.parameters.specs()) {
      Tensor gradient = worker.parameters.gradientOf(p);
      float[] got = gradient.segment().toArray(ValueLayout.JAVA_FLOAT);
      close(p.name(), golden.gradient(p), got, 1e-6 * largest);
    }
    long given = golden.expected.names().stream().filter(n -> n.startsWith("grad.")).count();
    assertEquals(given, worker.parameters.specs().size());
  }

  /** |error| at most 2e-5 of the tensor's largest magnitude, plus {@code slack}. */
  static void close(String what, float[] wanted, float[] got, double slack) {
    assertEquals(wanted.length, got.length, what);
    double limit = 2e-5 * magnitude(wanted) + slack;
    for (int i = 0; i < wanted.length; i++) {
      double error = Math.abs((double) wanted[i] - got[i]);
      if (!(error <= limit)) {
        assertEquals(wanted[i], got[i], (float) limit, what + " element " + i);
      }
    }
  }

  private static double magnitude(float[] values) {
    double max = 0;
    for (float v : values) {
      max = Math.max(max, Math.abs(v));
    }
    return max;
  }

  /** Collects logits and compares router choices as sets. */
  private static final class Watch implements Observer {
    private final GoldenCase golden;
    private final float[] logits;
    private int row;
    private int layersRouted;

    Watch(GoldenCase golden) {
      this.golden = golden;
      this.logits = new float[Math.toIntExact(golden.expected.info("logits").elements())];
    }

    @Override
    public void logits(long firstToken, Tensor tile) {
      long at = ((long) row * golden.tokensPerRow() + firstToken) * tile.width();
      MemorySegment.copy(
          tile.segment(),
          ValueLayout.JAVA_FLOAT,
          0,
          logits,
          Math.toIntExact(at),
          Math.toIntExact(tile.elements()));
    }

    @Override
    public void routed(int layer, Tensor indices, Tensor weights) {
      layersRouted++;
      long[] wanted = golden.expected.readLongs("router." + layer);
      int[] got = indices.segment().toArray(ValueLayout.JAVA_INT);
      int k = golden.config.model().expertsPerToken();
      for (int t = 0; t < golden.tokensPerRow(); t++) {
        Set<Long> want = new HashSet<>();
        Set<Long> have = new HashSet<>();
        for (int j = 0; j < k; j++) {
          want.add(wanted[(row * golden.tokensPerRow() + t) * k + j]);
          have.add((long) got[t * k + j]);
        }
        assertEquals(want, have, "experts of token " + t + " in layer " + layer);
      }
      weights.require("weights", weights.dtype(), indices.dim(0), indices.dim(1));
    }
  }
}
