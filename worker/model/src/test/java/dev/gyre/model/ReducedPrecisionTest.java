package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.partitioning.model.TensorSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The golden cases in bf16, with the file's router choices replayed. */
final class ReducedPrecisionTest {

  static Stream<Arguments> backendsAndCases() {
    return ServiceLoader.load(BackendProvider.class).stream()
        .map(ServiceLoader.Provider::get)
        .filter(
            p -> p.probe() instanceof BackendProbe.Available a && a.dtypes().contains(DType.BF16))
        .flatMap(p -> GoldenCase.NAMES.stream().map(c -> Arguments.of(p.name(), c)));
  }

  @ParameterizedTest
  @MethodSource("backendsAndCases")
  void isNearPyTorch(String backendName, String name) throws IOException {
    try (Arena arena = Arena.ofConfined();
        Backend backend = GoldenTest.open(backendName);
        GoldenCase golden = new GoldenCase(name)) {
      Objective objective = Objective.of(golden.config.balanceLoss(), golden.config.zLoss());
      OneWorker worker =
          new OneWorker(
              golden.config.model(),
              Execution.of(DType.BF16),
              objective,
              Integer.MAX_VALUE,
              backend,
              arena);
      worker.load(golden.folder, golden.config.model());
      Replay replay = new Replay(golden);
      double total = 0;
      for (int row = 0; row < golden.rows.size(); row++) {
        worker.setRow(golden.rows.get(row).documents());
        replay.row = row;
        total += worker.forwardBackward(golden.microBatch(row, arena), replay).total();
      }
      assertEquals(golden.expected.readDoubles("loss")[0], total, 1e-2);
      double logits = distance(golden.floats("logits"), replay.logits, 0);
      assertTrue(logits <= 3e-2, "logits are off by " + logits);
      assertGradients(golden, worker);
    }
  }

  private static void assertGradients(GoldenCase golden, OneWorker worker) {
    double largest = 0;
    for (TensorSpec p : worker.parameters.specs()) {
      largest = Math.max(largest, norm(golden.gradient(p)));
    }
    double[] distances = new double[worker.parameters.specs().size()];
    for (int i = 0; i < distances.length; i++) {
      TensorSpec p = worker.parameters.specs().get(i);
      float[] got = worker.parameters.gradientOf(p).segment().toArray(ValueLayout.JAVA_FLOAT);
      distances[i] = distance(golden.gradient(p), got, 1e-6 * largest);
      assertTrue(distances[i] <= 6e-2, p.name() + " is off by " + distances[i]);
    }
    Arrays.sort(distances);
    assertTrue(
        distances[distances.length / 2] <= 3e-2, "median " + distances[distances.length / 2]);
  }

  /** ‖Δ‖/‖wanted‖; absolute for references below the floor. */
  private static double distance(float[] wanted, float[] got, double floor) {
    assertEquals(wanted.length, got.length);
    double square = 0;
    for (int i = 0; i < wanted.length; i++) {
      double d = (double) wanted[i] - got[i];
      square += d * d;
    }
    double norm = norm(wanted);
    return norm > floor ? Math.sqrt(square) / norm : Math.sqrt(square);
  }

  private static double norm(float[] values) {
    double square = 0;
    for (float v : values) {
      square += (double) v * v;
    }
    return Math.sqrt(square);
  }

  private static final class Replay implements Observer {
    private final GoldenCase golden;
    private final float[] logits;
    private int row;

    Replay(GoldenCase golden) {
      this.golden = golden;
      this.logits = new float[Math.toIntExact(golden.expected.info("logits").elements())];
    }

    @Override
    public boolean replay(int layer, Tensor indices) {
      long[] given = golden.expected.readLongs("router." + layer);
      MemorySegment to = indices.segment();
      int count = Math.toIntExact(indices.elements());
      for (int i = 0; i < count; i++) {
        to.setAtIndex(ValueLayout.JAVA_INT, i, (int) given[row * count + i]);
      }
      return true;
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
  }
}
