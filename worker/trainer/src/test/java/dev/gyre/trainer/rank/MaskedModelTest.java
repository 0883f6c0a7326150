package dev.gyre.trainer.rank;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import dev.gyre.trainer.rank.OneStep.Row;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
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
    int[] tokens = Row.random(DOCUMENTS, VOCABULARY, 0).tokens();
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
    Row inRow = new Row(DOCUMENTS, tokens, labels);
    Row byItself = new Row(new Documents(alone.length), alone, aloneLabels);
    Mesh two = new Mesh(1, 2, 1, 1);
    double anchored = train(model(0, true, 0), two, new RingSchedule(), inRow).loss;
    assertEquals(train(model(0, true, 0), two, new RingSchedule(), byItself).loss, anchored, 1e-6);
    double without = train(model(0, false, 0), two, new RingSchedule(), inRow).loss;
    assertTrue(Math.abs(without - anchored) > 1e-4, "the anchor changes nothing");
  }

  private static void compare(ModelSpec model, Mesh mesh, ScheduleKind schedule) {
    Row row = Row.random(DOCUMENTS, VOCABULARY, model.prefix());
    PlainDecoder plain = new PlainDecoder(model, Objective.CROSS_ENTROPY, row);
    Map<String, double[]> wanted = plain.gradients();
    train(model, new Mesh(1, 1, 1, 1), schedule, row).assertClose("one rank", plain.loss(), wanted);
    train(model, mesh, schedule, row)
        .assertClose(mesh + " " + schedule.key(), plain.loss(), wanted);
  }

  private static OneStep train(ModelSpec model, Mesh mesh, ScheduleKind schedule, Row row) {
    RankSpec spec =
        new RankSpec(
            model,
            mesh,
            Objective.CROSS_ENTROPY,
            new Execution(DType.F32, Checkpointing.ALL, 8),
            schedule.layouts().getFirst(),
            1,
            1,
            RankSpec.everywhere(model, schedule),
            1,
            4 << 20,
            null);
    return OneStep.run(spec, List.of(row), () -> new ScalarBackendProvider().open(1));
  }
}
