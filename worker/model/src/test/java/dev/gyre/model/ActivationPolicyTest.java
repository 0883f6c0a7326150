package dev.gyre.model;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.local.LayerModel;
import dev.gyre.model.local.LocalExpertGroup;
import dev.gyre.model.local.LocalParameters;
import dev.gyre.model.local.LocalRow;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SinkLogits;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A policy recomputes what it drops bit for bit, and does not recompute what it keeps. */
final class ActivationPolicyTest {
  private static final int TOKENS = 37;
  private static final Documents DOCUMENTS = new Documents(20, 1, 16);

  /** Experts, a dense layer, experts. */
  private static final ModelSpec MODEL =
      new Decoder(new EmbeddingSpec(19, 24), 3, new HeadShape(4, 2, 6))
          .mlp(20)
          .experts(5, 2)
          .attention(
              new AttentionPattern(List.of(LayerKind.SLIDING, LayerKind.FULL, LayerKind.LINEAR), 9))
          .mlpOnly(List.of(1))
          .spec();

  /** The results of one pass that a step reads, and counts of what it did. */
  private static final class Recorded {
    StepSums sums = new StepSums(0, List.of(), new long[0][]);
    final List<float[]> gradients = new ArrayList<>();
    int attentions;
    int expertPlans;
    int routed;
    long peakBytes;
  }

  @ParameterizedTest
  @EnumSource(
      value = DType.class,
      names = {"F32", "BF16"})
  void everyPolicyGivesTheBitsOfNone(DType compute) {
    for (String backend : List.of("scalar", "vector")) {
      for (int roundRows : new int[] {1000, 11}) {
        for (int tile : new int[] {0, 8}) {
          Recorded want = pass(MODEL, backend, Checkpointing.NONE, compute, roundRows, tile);
          for (Checkpointing policy : Checkpointing.values()) {
            Recorded got = pass(MODEL, backend, policy, compute, roundRows, tile);
            String what = policy + " on " + backend + ", rounds of " + roundRows + ", tile " + tile;
            assertSameBits(what, want, got);
          }
        }
      }
    }
  }

  /** Without and with tiles and several rounds of experts, on kernels of both kinds. */
  @ParameterizedTest
  @EnumSource
  void everyPolicyGivesTheBitsOfNoneWithAnyLayer(LayerModel of) {
    for (DType compute : List.of(DType.F32, DType.BF16)) {
      for (String backend : List.of("scalar", "vector")) {
        for (int tile : new int[] {0, 8}) {
          int roundRows = tile == 0 ? 1000 : 11;
          Recorded want = pass(of.spec(), backend, Checkpointing.NONE, compute, roundRows, tile);
          for (Checkpointing policy : Checkpointing.values()) {
            Recorded got = pass(of.spec(), backend, policy, compute, roundRows, tile);
            assertSameBits(policy + " on " + backend + ", tile " + tile, want, got);
          }
        }
      }
    }
  }

  private static void assertSameBits(String what, Recorded want, Recorded got) {
    assertEquals(want.sums.crossEntropy(), got.sums.crossEntropy(), what);
    assertEquals(
        want.sums.term(RouterSpec.TopK.BALANCE), got.sums.term(RouterSpec.TopK.BALANCE), what);
    assertEquals(want.sums.term(RouterSpec.TopK.Z), got.sums.term(RouterSpec.TopK.Z), what);
    assertArrayEquals(want.sums.expertRows(), got.sums.expertRows(), what);
    assertTrue(want.gradients.size() > 20);
    for (int i = 0; i < want.gradients.size(); i++) {
      assertArrayEquals(want.gradients.get(i), got.gradients.get(i), what + ", gradient " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(Checkpointing.class)
  void whatIsKeptIsNotDoneTwice(Checkpointing policy) {
    Recorded pass = pass(MODEL, "scalar", policy, DType.F32, 1000, 0);
    int layers = MODEL.depth();
    assertEquals(policy == Checkpointing.ALL ? 2 * layers : layers, pass.attentions);
    assertEquals(2, pass.expertPlans, "a round plan for each layer with experts");
    assertEquals(2, pass.routed, "a routing decision for each layer with experts");
  }

  /** Values equal those without tiles; weights' gradients are summed in another order. */
  @ParameterizedTest
  @EnumSource(
      value = Checkpointing.class,
      names = {"NONE", "ATTENTION_SAVING"})
  void tilesSaveMemoryAndChangeNoValue(Checkpointing policy) {
    Recorded whole = pass(MODEL, "scalar", policy, DType.F32, 1000, 0);
    Recorded tiled = pass(MODEL, "scalar", policy, DType.F32, 1000, 8);
    assertEquals(whole.sums.crossEntropy(), tiled.sums.crossEntropy());
    for (int i = 0; i < whole.gradients.size(); i++) {
      float largest = 0;
      for (float g : whole.gradients.get(i)) {
        largest = Math.max(largest, Math.abs(g));
      }
      assertArrayEquals(
          whole.gradients.get(i), tiled.gradients.get(i), 2e-6f * largest, "gradient " + i);
    }
    assertTrue(tiled.peakBytes < 0.9 * whole.peakBytes, tiled.peakBytes + " of " + whole.peakBytes);
  }

  private static Recorded pass(
      ModelSpec spec,
      String backendName,
      Checkpointing policy,
      DType compute,
      int roundRows,
      int tile) {
    Recorded pass = new Recorded();
    try (Arena arena = Arena.ofConfined();
        Backend backend = GoldenTest.open(backendName)) {
      LocalParameters parameters = new LocalParameters(spec.tensors(), compute, arena);
      for (TensorSpec p : parameters.specs()) {
        float[] weights = LayerModel.weights(p);
        MemorySegment master = parameters.master(p).segment();
        MemorySegment.copy(weights, 0, master, ValueLayout.JAVA_FLOAT, 0, weights.length);
      }
      parameters.mastersChanged(backend.kernels());
      parameters.zeroGradients();
      LocalRow sequence = new LocalRow(backend.kernels(), spec.heads().kvHeadOf(), DOCUMENTS);
      MemorySegment slab = arena.allocate(8 << 20, Workspace.ALIGNMENT_BYTES);
      slab.fill((byte) 0xFF); // NaN wherever something is read before it is written
      Workspace workspace = new Workspace(backend.memory(slab), 8 << 20);
      DecoderModel model =
          new DecoderModel(
              spec,
              new Execution(compute, policy, 16, tile),
              Objective.of(0.01, 0.001),
              backend,
              counted(new LocalExpertGroup(backend.kernels(), spec.experts(), roundRows), pass),
              parameters);
      PassInput input = new PassInput(batch(spec, arena), counted(sequence, pass), workspace, null);
      try (dev.gyre.model.Pass forward = model.forward(input, routed(pass))) {
        pass.sums = forward.backward();
      }
      for (TensorSpec p : parameters.specs()) {
        pass.gradients.add(parameters.gradientOf(p).segment().toArray(ValueLayout.JAVA_FLOAT));
      }
      assertEquals(0, workspace.savedMark());
      assertEquals(workspace.sizeBytes(), workspace.scratchMark());
      pass.peakBytes = workspace.peakBytes();
    }
    return pass;
  }

  private static MicroBatch batch(ModelSpec spec, Arena arena) {
    Random random = new Random(7);
    int[] tokens = random.ints(TOKENS, 0, spec.vocabulary()).toArray();
    int[] labels = random.ints(TOKENS, 0, spec.vocabulary()).toArray();
    int[] positions = new int[TOKENS];
    for (int d = 0, t = 0; d < DOCUMENTS.count(); d++) {
      for (int p = 0; p < DOCUMENTS.length(d); p++) {
        positions[t++] = p;
      }
    }
    return new MicroBatch(
        GoldenCase.tensor(tokens, arena),
        GoldenCase.tensor(labels, arena),
        GoldenCase.tensor(positions, arena),
        TOKENS,
        TOKENS,
        1,
        TOKENS);
  }

  private static Observer routed(Recorded pass) {
    return new Observer() {
      @Override
      public void routed(int layer, Tensor indices, Tensor weights) {
        pass.routed++;
      }
    };
  }

  private static SequenceRow counted(LocalRow inner, Recorded pass) {
    return new SequenceRow() {
      @Override
      public Saved attention(
          Tensor q,
          Tensor k,
          Tensor v,
          AttentionMask mask,
          float scale,
          @Nullable SinkLogits sinks,
          Tensor out,
          Workspace workspace) {
        pass.attentions++;
        return inner.attention(q, k, v, mask, scale, sinks, out, workspace);
      }

      @Override
      public Saved linearAttention(
          Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace workspace) {
        pass.attentions++;
        return inner.linearAttention(q, k, v, slopes, out, workspace);
      }

      @Override
      public void backward(
          Saved saved,
          @Nullable SinkLogits sinks,
          Tensor dOut,
          Tensor dq,
          Tensor dk,
          Tensor dv,
          Workspace workspace) {
        inner.backward(saved, sinks, dOut, dq, dk, dv, workspace);
      }

      @Override
      public void sumOverRow(double[] values) {
        inner.sumOverRow(values);
      }
    };
  }

  private static ExpertGroup counted(LocalExpertGroup inner, Recorded pass) {
    return new ExpertGroup() {
      @Override
      public int firstExpert() {
        return inner.firstExpert();
      }

      @Override
      public int localExperts() {
        return inner.localExperts();
      }

      @Override
      public List<Round> agreeOnRounds(int[] rowsPerExpert) {
        pass.expertPlans++;
        return inner.agreeOnRounds(rowsPerExpert);
      }

      @Override
      public void dispatch(Round round, Tensor rows, Tensor received) {
        inner.dispatch(round, rows, received);
      }

      @Override
      public void combine(Round round, Tensor computed, Tensor rows) {
        inner.combine(round, computed, rows);
      }
    };
  }
}
