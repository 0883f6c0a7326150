package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.hf.HfConfigWriter;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Models that mix linear-attention layers with softmax layers. */
final class LinearAttentionLayersTest {
  private static final int[] TOKENS = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 8};
  private static final int[] LABELS = {1, 4, 1, 5, 9, -100, 6, 5, 3, 8, -100};
  private static final int[] POSITIONS = {0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4};
  private static final Documents DOCUMENTS = new Documents(6, 5);
  private static final ModelSpec MIXED =
      new Decoder(new EmbeddingSpec(11, 24), 3, new HeadShape(4, 2, 6))
          .mlp(20)
          .experts(3, 2)
          .attention(
              new AttentionPattern(List.of(LayerKind.LINEAR, LayerKind.FULL, LayerKind.LINEAR), 0))
          .mlpOnly(List.of(1))
          .spec();

  private Arena arena;
  private Backend backend;

  @BeforeEach
  @SuppressWarnings("MustBeClosedChecker") // closed after each test
  void open() {
    arena = Arena.ofConfined();
    backend = GoldenTest.open("scalar");
  }

  @AfterEach
  void close() {
    backend.close();
    arena.close();
  }

  private OneWorker worker(Execution execution) {
    OneWorker worker =
        new OneWorker(
            MIXED, execution, Objective.of(0.01, 0.001), Integer.MAX_VALUE, backend, arena);
    for (TensorSpec p : worker.parameters.specs()) {
      InitialWeights.fill(p, 5, p.whole(), worker.parameters.master(p).segment());
    }
    worker.parameters.mastersChanged(backend.kernels());
    worker.parameters.zeroGradients();
    worker.setRow(DOCUMENTS);
    return worker;
  }

  private MicroBatch batch(int[] tokens) {
    return new MicroBatch(
        GoldenCase.tensor(tokens, arena),
        GoldenCase.tensor(LABELS, arena),
        GoldenCase.tensor(POSITIONS, arena),
        tokens.length,
        9,
        1,
        tokens.length);
  }

  private Tensor losses() {
    return new Tensor(arena.allocate(64, 64).address(), DType.F32, TOKENS.length);
  }

  private static float[] values(Tensor t) {
    return t.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  /** Finite differences of the whole objective along one direction of each weight. */
  @Test
  void gradientsAreSlopes() {
    OneWorker worker = worker(OneWorker.f32());
    Objective objective = Objective.of(0.01, 0.001);
    worker.forwardBackward(batch(TOKENS), Observer.NONE);
    Tensor losses = losses();
    int norms = 0;
    for (TensorSpec p : worker.parameters.specs()) {
      float[] gradient = values(worker.parameters.gradientOf(p));
      MemorySegment weight = worker.parameters.weightOf(p.name(), p.shape()).segment();
      float[] kept = weight.toArray(ValueLayout.JAVA_FLOAT);
      double norm = 0;
      for (float g : gradient) {
        norm += (double) g * g;
      }
      norm = Math.sqrt(norm);
      if (norm == 0) {
        continue; // an expert that no token chose
      }
      norms += p.name().endsWith("mixer.output_norm") ? 1 : 0;
      double step = 5e-4; // curvature is strong where a norm divides by little
      double[] value = new double[2];
      for (int side = 0; side < 2; side++) {
        for (int i = 0; i < kept.length; i++) {
          double moved = kept[i] + (side == 0 ? -step : step) * gradient[i] / norm;
          weight.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) moved);
        }
        value[side] = worker.evaluate(batch(TOKENS), losses, Observer.NONE).total();
      }
      MemorySegment.copy(kept, 0, weight, ValueLayout.JAVA_FLOAT, 0, kept.length);
      // f32 losses near 3 are accurate to 3e-7, which over 2·step is 3e-4.
      assertEquals(norm, (value[1] - value[0]) / (2 * step), 8e-4 + 5e-3 * norm, p.name());
    }
    assertEquals(2, norms, "linear layers with a norm of their output");
  }

  @Test
  void aDocumentSeesNothingOfTheOneBefore() {
    OneWorker worker = worker(OneWorker.f32());
    Tensor losses = losses();
    worker.evaluate(batch(TOKENS), losses, Observer.NONE);
    float[] before = values(losses);
    int[] other = TOKENS.clone();
    other[0] = 7;
    worker.evaluate(batch(other), losses, Observer.NONE);
    float[] after = values(losses);
    for (int t = 0; t < 5; t++) {
      assertNotEquals(before[t], after[t], "token " + t);
    }
    for (int t = 6; t < TOKENS.length; t++) {
      assertEquals(before[t], after[t], "token " + t);
    }
  }

  @Test
  void recomputedBlocksGiveTheSameBits() {
    OneWorker kept = worker(OneWorker.f32());
    OneWorker again = worker(new Execution(DType.F32, Checkpointing.ALL, 1024));
    assertEquals(
        kept.forwardBackward(batch(TOKENS), Observer.NONE).crossEntropy(),
        again.forwardBackward(batch(TOKENS), Observer.NONE).crossEntropy());
    for (TensorSpec p : kept.parameters.specs()) {
      assertArrayEquals(
          values(kept.parameters.gradientOf(p)), values(again.parameters.gradientOf(p)), p.name());
    }
  }

  @Test
  void noTokensAtAll() {
    OneWorker worker = worker(OneWorker.f32());
    worker.setRow(new Documents());
    Tensor none = GoldenCase.tensor(new int[0], arena);
    worker.forwardBackward(new MicroBatch(none, none, none, 0, 9, 1, 11), Observer.NONE);
    for (TensorSpec p : worker.parameters.specs()) {
      for (float g : values(worker.parameters.gradientOf(p))) {
        assertEquals(0f, g, p.name());
      }
    }
  }

  @Test
  void slopesAreThePublishedOnes() {
    assertArrayEquals(
        new float[] {0.2500025f, 0.0625006f, 0.0156252f, 0.00390629f},
        LinearAttentionBlock.slopes(4, 0, 3),
        1e-6f);
    assertEquals(0.25 * 0.50001, LinearAttentionBlock.slopes(4, 1, 3)[0], 1e-7);
    assertEquals(0.25 * 1e-5, LinearAttentionBlock.slopes(4, 2, 3)[0], 1e-9);
    assertEquals(Math.pow(2, -8.0 / 3) * 1.00001, LinearAttentionBlock.slopes(3, 0, 1)[0], 1e-6);
  }

  @Test
  void sizesCountTheNorms() {
    long elements = 0;
    for (TensorSpec p : worker(OneWorker.f32()).parameters.specs()) {
      elements += p.elements();
    }
    assertEquals(elements, ModelSize.of(MIXED).total());
  }

  @Test
  void huggingFaceHasNoSuchLayer() {
    Invalid e = assertThrows(Invalid.class, () -> HfConfigWriter.config(MIXED, null, 0));
    assertTrue(e.getMessage().contains("linear_attention"), e.getMessage());
  }
}
