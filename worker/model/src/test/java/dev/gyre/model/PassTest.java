package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Passes in flight, and the units of parameters that they enter. */
final class PassTest {
  private static final List<Documents> ROWS =
      List.of(new Documents(7, 4), new Documents(13), new Documents());

  private final Arena arena = Arena.ofConfined();
  private final Backend backend = new ScalarBackendProvider().open(1);

  @AfterEach
  void close() {
    backend.close();
    arena.close();
  }

  /** Every kind of block, and a head that shares the embedding's weights or has its own. */
  private static ModelSpec spec(boolean tied) {
    return new Decoder(new EmbeddingSpec(11, 24), 3, new HeadShape(4, 2, 6))
        .mlp(20)
        .experts(3, 2)
        .mlpOnly(List.of(1))
        .attention(
            new AttentionPattern(List.of(LayerKind.LINEAR, LayerKind.FULL, LayerKind.SLIDING), 5))
        .tied(tied)
        .spec();
  }

  private OneWorker worker(boolean tied, Checkpointing policy) {
    OneWorker worker =
        new OneWorker(
            spec(tied),
            new Execution(DType.F32, policy, 4),
            Objective.of(0.01, 0.001),
            Integer.MAX_VALUE,
            backend,
            arena);
    for (TensorSpec p : worker.parameters.specs()) {
      InitialWeights.fill(p, 5, p.whole(), worker.parameters.master(p).segment());
    }
    worker.parameters.mastersChanged(backend.kernels());
    worker.parameters.zeroGradients();
    return worker;
  }

  private MicroBatch batch(int row) {
    Documents documents = ROWS.get(row);
    int tokens = documents.tokens();
    int[] positions = new int[tokens];
    for (int d = 0, t = 0; d < documents.count(); d++) {
      for (int p = 0; p < documents.length(d); p++) {
        positions[t++] = p;
      }
    }
    Random random = new Random(row);
    return new MicroBatch(
        GoldenCase.tensor(random.ints(tokens, 0, 11).toArray(), arena),
        GoldenCase.tensor(random.ints(tokens, 0, 11).toArray(), arena),
        GoldenCase.tensor(positions, arena),
        tokens,
        24,
        2,
        24);
  }

  /** Bits of all gradients, and the losses of each row. */
  private record Outcome(List<float[]> gradients, double[] losses) {
    void requireSame(Outcome other) {
      assertArrayEquals(losses, other.losses);
      for (int i = 0; i < gradients.size(); i++) {
        assertArrayEquals(gradients.get(i), other.gradients.get(i));
      }
    }
  }

  private static Outcome outcome(OneWorker worker, double[] losses) {
    List<float[]> gradients = new ArrayList<>();
    for (TensorSpec p : worker.parameters.specs()) {
      Tensor gradient = worker.parameters.gradientOf(p);
      gradients.add(gradient.segment().toArray(ValueLayout.JAVA_FLOAT));
    }
    return new Outcome(gradients, losses);
  }

  private PassInput input(OneWorker worker, int row) {
    return worker.input(batch(row), ROWS.get(row), worker.workspace.part(row, ROWS.size()));
  }

  private Outcome oneAfterTheOther(boolean tied, Checkpointing policy, int... rows) {
    OneWorker worker = worker(tied, policy);
    double[] losses = new double[ROWS.size()];
    for (int row : rows) {
      try (Pass pass = worker.model.forward(input(worker, row), Observer.NONE)) {
        losses[row] = pass.backward().total();
      }
    }
    return outcome(worker, losses);
  }

  /** All forward passes in the order of the rows, then all backward passes. */
  private Outcome inFlight(boolean tied, Checkpointing policy, int... retired) {
    OneWorker worker = worker(tied, policy);
    double[] losses = new double[ROWS.size()];
    List<Pass> passes = new ArrayList<>();
    for (int row = 0; row < ROWS.size(); row++) {
      passes.add(worker.model.forward(input(worker, row), Observer.NONE));
    }
    for (int row : retired) {
      losses[row] = passes.get(row).backward().total();
      passes.get(row).close();
    }
    return outcome(worker, losses);
  }

  @ParameterizedTest
  @EnumSource(Checkpointing.class)
  void passesInFlightEqualOneAfterTheOther(Checkpointing policy) {
    for (boolean tied : new boolean[] {false, true}) {
      for (int[] retired : new int[][] {{0, 1, 2}, {1, 0, 2}, {2, 1, 0}}) {
        oneAfterTheOther(tied, policy, retired).requireSame(inFlight(tied, policy, retired));
      }
    }
  }

  @Test
  void aPassEndsOnce() {
    OneWorker worker = worker(true, Checkpointing.NONE);
    try (Pass pass = worker.model.forward(input(worker, 0), Observer.NONE)) {
      pass.backward();
      assertThrows(IllegalStateException.class, pass::backward);
    }
  }

  @Test
  void aPassThatIsNotNeededGivesItsMemoryBack() {
    OneWorker worker = worker(true, Checkpointing.NONE);
    PassInput input = input(worker, 0);
    long before = input.workspace().savedMark();
    worker.model.forward(input, Observer.NONE).close();
    assertEquals(before, input.workspace().savedMark());
    assertEquals(input.workspace().sizeBytes(), input.workspace().scratchMark());
  }

  /** The store of the tests also refuses any weight outside of its unit. */
  @ParameterizedTest
  @EnumSource(Checkpointing.class)
  void everyUnitIsEnteredAndLeftWithTokensOrWithout(Checkpointing policy) {
    List<String> expected =
        List.of(
            "enter embedding", "leave embedding",
            "enter layer 0", "leave layer 0",
            "enter layer 1", "leave layer 1",
            "enter layer 2", "leave layer 2",
            "enter head", "leave head",
            "enter layer 2", "leave layer 2",
            "enter layer 1", "leave layer 1",
            "enter layer 0", "leave layer 0",
            "enter embedding", "leave embedding");
    for (int row : new int[] {1, 2}) {
      OneWorker worker = worker(false, policy);
      try (Pass pass = worker.model.forward(input(worker, row), Observer.NONE)) {
        pass.backward();
      }
      assertEquals(expected, worker.parameters.calls(), ROWS.get(row).toString());
    }
  }
}
