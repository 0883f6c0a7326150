package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.local.LocalExpertGroup;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorNames;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class DecoderModelTest {
  private static final int[] TOKENS = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5};
  private static final int[] LABELS = {1, 4, 1, 5, 9, 2, -100, 5, 3, 5, -100};
  private static final int[] POSITIONS = {0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3};
  private static final Documents DOCUMENTS = new Documents(7, 4);
  private static final ModelSpec MOE = spec("mixtral", 4, 2, List.of(1));

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

  private static ModelSpec spec(String type, int experts, int top, List<Integer> dense) {
    return new Decoder(new EmbeddingSpec(11, 24), 3, new HeadShape(4, 2, 6))
        .mlp(20)
        .experts(experts, top)
        .attention(AttentionPattern.sliding(5))
        .mlpOnly(dense)
        .spec();
  }

  private OneWorker worker(ModelSpec spec, Execution execution) {
    OneWorker worker =
        new OneWorker(
            spec, execution, Objective.of(0.01, 0.001), Integer.MAX_VALUE, backend, arena);
    for (TensorSpec p : worker.parameters.specs()) {
      MemorySegment master = worker.parameters.master(p).segment();
      InitialWeights.fill(p, 5, p.whole(), master);
    }
    worker.parameters.mastersChanged(backend.kernels());
    worker.parameters.zeroGradients();
    worker.setRow(DOCUMENTS);
    return worker;
  }

  private MicroBatch batch() {
    return new MicroBatch(
        GoldenCase.tensor(TOKENS, arena),
        GoldenCase.tensor(LABELS, arena),
        GoldenCase.tensor(POSITIONS, arena),
        TOKENS.length,
        9,
        1,
        TOKENS.length);
  }

  private Tensor floats(long... dims) {
    Tensor shape = new Tensor(0, DType.F32, dims);
    return new Tensor(arena.allocate(shape.byteSize() + 64, 64).address(), DType.F32, dims);
  }

  private static float[] values(Tensor t) {
    return t.segment().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static float[] gradient(OneWorker worker, String name) {
    for (TensorSpec p : worker.parameters.specs()) {
      if (p.name().equals(name)) {
        return values(worker.parameters.gradientOf(p));
      }
    }
    throw new AssertionError(name);
  }

  /** With one expert the router has nothing to choose: the layer is a dense MLP. */
  @Test
  void aDenseLayerIsALayerOfOneExpert() {
    OneWorker dense = worker(spec("llama", 0, 0, List.of()), OneWorker.f32());
    OneWorker single = worker(spec("mixtral", 1, 1, List.of()), OneWorker.f32());
    for (int l = 0; l < 3; l++) {
      TensorNames names = new TensorNames(l);
      long[] wide = {20, 24};
      copyWeight(single, names.expertGate(0), dense, names.gate(), wide);
      copyWeight(single, names.expertUp(0), dense, names.up(), wide);
      copyWeight(single, names.expertDown(0), dense, names.down(), 24, 20);
    }
    StepSums a = dense.forwardBackward(batch(), Observer.NONE);
    StepSums b = single.forwardBackward(batch(), Observer.NONE);
    assertEquals(b.crossEntropy(), a.crossEntropy(), 1e-6);
    assertEquals(0, a.term(RouterSpec.TopK.BALANCE));
    assertEquals(0, a.term(RouterSpec.TopK.Z));
    assertEquals(3, b.term(RouterSpec.TopK.BALANCE), 1e-6, "E·f·P is 1 in each layer");
    assertEquals(0, a.expertRows()[1].length);
    // z-loss reaches only the router's logits, so compare what it does not touch in the last layer.
    TensorNames last = new TensorNames(2);
    assertArrayEquals(gradient(single, last.expertGate(0)), gradient(dense, last.gate()), 1e-6f);
    assertArrayEquals(gradient(single, last.expertUp(0)), gradient(dense, last.up()), 1e-6f);
    assertArrayEquals(gradient(single, last.expertDown(0)), gradient(dense, last.down()), 1e-6f);
  }

  private static void copyWeight(
      OneWorker from, String fromName, OneWorker to, String toName, long... dims) {
    to.parameters
        .weightOf(toName, dims)
        .segment()
        .copyFrom(from.parameters.weightOf(fromName, dims).segment());
  }

  /** Finite differences of the whole objective along one direction of each weight. */
  @Test
  void gradientsOfAMixedModelAreItsSlopes() {
    OneWorker worker = worker(MOE, OneWorker.f32());
    Objective objective = Objective.of(0.01, 0.001);
    worker.forwardBackward(batch(), Observer.NONE);
    Tensor losses = floats(TOKENS.length);
    for (TensorSpec p : worker.parameters.specs()) {
      float[] gradient = gradient(worker, p.name());
      MemorySegment weight = worker.parameters.weightOf(p.name(), p.shape()).segment();
      float[] kept = weight.toArray(ValueLayout.JAVA_FLOAT);
      double norm = 0;
      for (float g : gradient) {
        norm += (double) g * g;
      }
      norm = Math.sqrt(norm);
      if (norm == 0) {
        continue; // an expert that no token chose, a token that does not occur
      }
      double step = 2e-3;
      double[] value = new double[2];
      for (int side = 0; side < 2; side++) {
        for (int i = 0; i < kept.length; i++) {
          double moved = kept[i] + (side == 0 ? -step : step) * gradient[i] / norm;
          weight.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) moved);
        }
        value[side] = worker.evaluate(batch(), losses, Observer.NONE).total();
      }
      MemorySegment.copy(kept, 0, weight, ValueLayout.JAVA_FLOAT, 0, kept.length);
      // f32 losses near 3 are accurate to 3e-7, which over 2·step is 1e-4.
      assertEquals(norm, (value[1] - value[0]) / (2 * step), 2e-4 + 5e-3 * norm, p.name());
    }
  }

  @Test
  void evaluationGivesTheSameLossesAndTouchesNoGradient() {
    OneWorker worker = worker(MOE, new Execution(DType.F32, Checkpointing.NONE, 3));
    Tensor losses = floats(TOKENS.length);
    StepSums evaluated = worker.evaluate(batch(), losses, Observer.NONE);
    for (TensorSpec p : worker.parameters.specs()) {
      for (float g : gradient(worker, p.name())) {
        assertEquals(0f, g);
      }
    }
    StepSums trained = worker.forwardBackward(batch(), Observer.NONE);
    assertEquals(trained.crossEntropy(), evaluated.crossEntropy());
    assertEquals(trained.term(RouterSpec.TopK.BALANCE), evaluated.term(RouterSpec.TopK.BALANCE));
    assertEquals(trained.term(RouterSpec.TopK.Z), evaluated.term(RouterSpec.TopK.Z));
    assertArrayEquals(trained.expertRows(), evaluated.expertRows());
    double sum = 0;
    float[] nats = values(losses);
    for (int t = 0; t < nats.length; t++) {
      assertEquals(LABELS[t] < 0, nats[t] == 0f, "token " + t);
      sum += nats[t];
    }
    assertEquals(trained.crossEntropy(), sum / 9, 1e-9);
  }

  @Test
  void logitsOfSomeTokensAreTheirLogitsInThePass() {
    OneWorker worker = worker(MOE, OneWorker.f32());
    List<float[]> all = new ArrayList<>();
    Observer observer =
        new Observer() {
          @Override
          public void logits(long firstToken, Tensor logits) {
            all.add(values(logits));
          }
        };
    worker.evaluate(batch(), floats(TOKENS.length), observer);
    Tensor out = floats(2, 11);
    worker.model.logits(worker.input(batch()), GoldenCase.tensor(new int[] {10, 4}, arena), out);
    float[] got = values(out);
    for (int v = 0; v < 11; v++) {
      assertEquals(all.getFirst()[10 * 11 + v], got[v]);
      assertEquals(all.getFirst()[4 * 11 + v], got[11 + v]);
    }
  }

  @Test
  void aRankWithoutTokensEntersEverythingAndAddsNothing() {
    for (Checkpointing policy : Checkpointing.values()) {
      OneWorker worker = worker(MOE, new Execution(DType.F32, policy, 8));
      worker.setRow(new Documents());
      Tensor none = GoldenCase.tensor(new int[0], arena);
      List<String> parts = new ArrayList<>();
      Observer observer =
          new Observer() {
            @Override
            public void entering(int layer, ModelPhase phase) {
              parts.add(layer + " " + phase.label());
            }
          };
      StepSums sums =
          worker.forwardBackward(new MicroBatch(none, none, none, 0, 9, 1, 11), observer);
      assertEquals(0, sums.total());
      for (TensorSpec p : worker.parameters.specs()) {
        for (float g : gradient(worker, p.name())) {
          assertEquals(0f, g, p.name());
        }
      }
      assertEquals(
          List.of(
              "-1 embedding",
              "0 attention",
              "0 experts",
              "1 attention",
              "1 mlp",
              "2 attention",
              "2 experts",
              "-1 head",
              "-1 row statistics",
              "2 experts backward",
              "2 attention backward",
              "1 mlp backward",
              "1 attention backward",
              "0 experts backward",
              "0 attention backward",
              "-1 embedding backward"),
          parts);
    }
  }

  @Test
  void theFirstLayerThatIsNotFiniteIsNamed() {
    OneWorker worker = worker(MOE, OneWorker.f32());
    assertNull(worker.model.firstNonFinite(worker.input(batch())));
    String[][] faults = {
      {TensorNames.HEAD, "loss head"},
      {new TensorNames(2).feedForwardNorm(), "layer 2 experts"},
      {new TensorNames(2).router(), "layer 2 experts"},
      {new TensorNames(1).down(), "layer 1 mlp"},
      {new TensorNames(1).key(), "layer 1 attention"},
      {TensorNames.EMBEDDING, "embedding"},
    };
    for (String[] fault : faults) {
      worker
          .parameters
          .weightOf(fault[0], 24)
          .segment()
          .setAtIndex(ValueLayout.JAVA_FLOAT, 0, Float.NaN);
      if (fault[0].equals(TensorNames.EMBEDDING)) {
        Tensor table = worker.parameters.weightOf(fault[0], 11, 24);
        backend.kernels().fill(table, Float.POSITIVE_INFINITY);
      }
      assertEquals(fault[1], worker.model.firstNonFinite(worker.input(batch())));
      double loss = worker.forwardBackward(batch(), Observer.NONE).crossEntropy();
      assertFalse(Double.isFinite(loss));
    }
  }

  @Test
  void memoryIsGivenBackWhenAPassBreaks() {
    OneWorker worker = worker(MOE, OneWorker.f32());
    Observer broken =
        new Observer() {
          @Override
          public void entering(int layer, ModelPhase phase) {
            if (layer == 1 && phase == ModelPhase.ATTENTION_BACKWARD) {
              throw new IllegalStateException("a peer is gone");
            }
          }
        };
    assertThrows(IllegalStateException.class, () -> worker.forwardBackward(batch(), broken));
    assertEquals(0, worker.workspace.savedMark());
    assertEquals(worker.workspace.sizeBytes(), worker.workspace.scratchMark());
    worker.parameters.forgetUnits();
    worker.forwardBackward(batch(), Observer.NONE);
  }

  @Test
  void recomputationSavesMemory() {
    long kept = peak(Checkpointing.NONE);
    long attentionKept = peak(Checkpointing.ATTENTION_SAVING);
    long recomputed = peak(Checkpointing.ALL);
    assertTrue(attentionKept < 0.7 * kept, attentionKept + " against " + kept + " bytes");
    assertTrue(recomputed < attentionKept, recomputed + " against " + attentionKept + " bytes");
  }

  private long peak(Checkpointing policy) {
    OneWorker worker = worker(MOE, new Execution(DType.F32, policy, 8));
    worker.forwardBackward(batch(), Observer.NONE);
    return worker.workspace.peakBytes();
  }

  @Test
  void sizesThatCannotBeAreRefused() {
    Tensor one = GoldenCase.tensor(new int[1], arena);
    Tensor two = GoldenCase.tensor(new int[2], arena);
    assertThrows(IllegalArgumentException.class, () -> new MicroBatch(one, two, one, 1, 1, 1, 1));
    assertThrows(IllegalArgumentException.class, () -> new MicroBatch(two, two, two, 1, 1, 1, 4));
    assertThrows(IllegalArgumentException.class, () -> Objective.of(-1, 0));
    assertThrows(
        IllegalArgumentException.class, () -> new Execution(DType.I32, Checkpointing.NONE, 1));
    Kernels kernels = backend.kernels();
    assertThrows(IllegalArgumentException.class, () -> new LocalExpertGroup(kernels, 4, 0));
  }
}
