package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import dev.gyre.trainer.parameters.OwnedSlice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Compares a model whose layers have different masks with its definition in double: the loss, and
 * the gradient of every weight, on one rank and on several.
 */
final class MaskedModelTest {
  private static final int VOCABULARY = 9;
  private static final Documents DOCUMENTS = new Documents(11, 1, 9, 4);

  /** The first layer has a sliding window, the second sees all keys. */
  private static ModelSpec model(int sinks, boolean anchor, int prefix) {
    return new Decoder(new EmbeddingSpec(VOCABULARY, 8), 2, new HeadShape(2, 1, 4))
        .mlp(6)
        .attention(
            new AttentionPattern(
                List.of(LayerKind.SLIDING, LayerKind.FULL), 3, sinks, anchor, prefix))
        .spec();
  }

  private static final class Computed {
    double loss;
    final Map<String, double[]> gradients = new LinkedHashMap<>();

    Computed(ModelSpec model) {
      for (TensorSpec spec : model.tensors()) {
        gradients.put(spec.name(), new double[(int) spec.elements()]);
      }
    }

    double[] gradient(String name) {
      return gradients.getOrDefault(name, new double[0]);
    }
  }

  @Test
  void sinks() {
    compare(model(2, false, 0), new Mesh(1, 2, 1, 1), new TokenRingSchedule());
  }

  @Test
  void anchorOfAllDocuments() {
    compare(model(0, true, 0), new Mesh(1, 3, 1, 1), new BalancedSchedule());
  }

  @Test
  void prefix() {
    compare(model(0, false, 5), new Mesh(1, 2, 2, 1), new AllGatherSchedule());
  }

  @Test
  void allOfThem() {
    compare(model(2, true, 4), new Mesh(1, 4, 1, 1), new RingSchedule());
  }

  /**
   * The meaning of an anchor: a later document computes what it would compute alone with the row's
   * first token put before it.
   */
  @Test
  void aDocumentSeesTheAnchorAsItsOwnFirstToken() {
    ModelSpec anchored = model(0, true, 0);
    int[] tokens = tokens(DOCUMENTS.tokens());
    int[] labels = new int[tokens.length];
    Arrays.fill(labels, -100);
    for (int t = DOCUMENTS.start(2); t < DOCUMENTS.start(3) - 1; t++) {
      labels[t] = tokens[t + 1];
    }
    int length = DOCUMENTS.length(2);
    int[] alone = new int[1 + length];
    int[] aloneLabels = new int[1 + length];
    alone[0] = tokens[0];
    aloneLabels[0] = -100;
    System.arraycopy(tokens, DOCUMENTS.start(2), alone, 1, length);
    System.arraycopy(labels, DOCUMENTS.start(2), aloneLabels, 1, length);
    Mesh two = new Mesh(1, 2, 1, 1);
    double inRow = train(anchored, two, new RingSchedule(), DOCUMENTS, tokens, labels).loss;
    Documents single = new Documents(alone.length);
    double byItself = train(anchored, two, new RingSchedule(), single, alone, aloneLabels).loss;
    assertEquals(byItself, inRow, 1e-6);
    double without =
        train(model(0, false, 0), two, new RingSchedule(), DOCUMENTS, tokens, labels).loss;
    assertTrue(Math.abs(without - inRow) > 1e-4, "the anchor changes nothing");
  }

  private static void compare(ModelSpec model, Mesh mesh, ScheduleKind schedule) {
    int[] tokens = tokens(DOCUMENTS.tokens());
    int[] labels = labels(tokens, model.prefix());
    Map<String, double[]> weights = new LinkedHashMap<>();
    for (TensorSpec spec : model.tensors()) {
      weights.put(spec.name(), weights(spec));
    }
    PlainDecoder plain = new PlainDecoder(model, DOCUMENTS, tokens, labels, weights);
    Computed one = train(model, new Mesh(1, 1, 1, 1), schedule, DOCUMENTS, tokens, labels);
    Computed many = train(model, mesh, schedule, DOCUMENTS, tokens, labels);
    assertEquals(plain.loss(), one.loss, 2e-6);
    assertEquals(plain.loss(), many.loss, 2e-6);
    Map<String, double[]> wanted = new LinkedHashMap<>();
    double largestOfAll = 0;
    for (String name : weights.keySet()) {
      double[] gradient = plain.gradient(name);
      wanted.put(name, gradient);
      largestOfAll = Math.max(largestOfAll, largest(gradient));
    }
    for (Map.Entry<String, double[]> want : wanted.entrySet()) {
      double tolerance = 2e-5 * largest(want.getValue()) + 1e-6 * largestOfAll;
      assertClose("one rank", want, one, tolerance);
      assertClose(mesh + " " + schedule.key(), want, many, tolerance);
    }
  }

  private static void assertClose(
      String what, Map.Entry<String, double[]> want, Computed got, double tolerance) {
    double[] computed = got.gradient(want.getKey());
    for (int i = 0; i < computed.length; i++) {
      int at = i;
      assertEquals(
          want.getValue()[i], computed[i], tolerance, () -> what + " " + want.getKey() + " " + at);
    }
  }

  private static double largest(double[] values) {
    return Arrays.stream(values).map(Math::abs).max().orElse(0);
  }

  private static int[] tokens(int count) {
    return new Random(3).ints(count, 0, VOCABULARY).toArray();
  }

  /** The next token of the document, unless it lies in the prefix. */
  private static int[] labels(int[] tokens, int prefix) {
    int[] labels = new int[tokens.length];
    for (int t = 0; t < tokens.length; t++) {
      int document = DOCUMENTS.documentOf(t);
      int next = t + 1 - DOCUMENTS.start(document);
      labels[t] = next == DOCUMENTS.length(document) || next < prefix ? -100 : tokens[t + 1];
    }
    return labels;
  }

  /** Norm weights are not all 1, so that their gradients differ from any others. */
  private static double[] weights(TensorSpec spec) {
    double[] values = new double[(int) spec.elements()];
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(spec.elements() * Float.BYTES, Float.BYTES);
      InitialWeights.fill(spec, 5, spec.whole(), memory);
      for (int i = 0; i < values.length; i++) {
        float scale = 1 + 0.1f * (i % 3);
        values[i] = scale * memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      }
    }
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) values[i];
    }
    return values;
  }

  private static Computed train(
      ModelSpec model,
      Mesh mesh,
      ScheduleKind schedule,
      Documents documents,
      int[] tokens,
      int[] labels) {
    Computed computed = new Computed(model);
    RankSpec spec =
        new RankSpec(
            model,
            mesh,
            Objective.of(0, 0),
            new Execution(DType.F32, Checkpointing.ALL, 8),
            schedule.layouts().getFirst(),
            1,
            1,
            RankSpec.everywhere(model, schedule),
            1,
            4 << 20,
            null);
    try (LocalNetwork network =
        LocalNetwork.loopback(mesh.workers(), Options.plain().withNeverBuffer())) {
      RankThreads.run(
          mesh.workers(), network, t -> rank(t, spec, documents, tokens, labels, computed));
    }
    return computed;
  }

  private static Boolean rank(
      Transport transport,
      RankSpec spec,
      Documents documents,
      int[] tokens,
      int[] labels,
      Computed computed) {
    int labelled = (int) Arrays.stream(labels).filter(label -> label >= 0).count();
    try (Backend backend = new ScalarBackendProvider().open(1);
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters()
          .load(
              (parameter, box, into) -> {
                double[] all = weights(parameter);
                box.forEachRun(
                    parameter.shape(),
                    (from, count, at) -> {
                      for (int i = 0; i < count; i++) {
                        into.setAtIndex(
                            ValueLayout.JAVA_FLOAT, at + i, (float) all[(int) from + i]);
                      }
                    });
              });
      rank.parameters().zeroGradients();
      RowSource source =
          (run, ids, next) -> {
            MemorySegment.copy(tokens, run.start(), ids, ValueLayout.JAVA_INT, 0, run.length());
            MemorySegment.copy(labels, run.start(), next, ValueLayout.JAVA_INT, 0, run.length());
          };
      BatchTotals totals = new BatchTotals(tokens.length, labelled, 1);
      double[] loss = new double[1];
      try (PreparedRow row = rank.prepare(rank.layOut(documents), source, totals)) {
        loss[0] = row.forwardBackward(Observer.NONE).crossEntropy();
      }
      rank.everyone().sum(loss);
      rank.parameters().reduceGradients();
      computed.loss = loss[0];
      for (OwnedSlice slice : rank.parameters().ownedSlices()) {
        double[] all = computed.gradient(slice.spec().name());
        slice
            .box()
            .forEachRun(
                slice.spec().shape(),
                (from, count, at) -> {
                  for (int i = 0; i < count; i++) {
                    all[(int) from + i] =
                        slice.gradient().getAtIndex(ValueLayout.JAVA_FLOAT, at + i);
                  }
                });
      }
    }
    return true;
  }
}
