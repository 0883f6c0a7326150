package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.PreparedRow;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.rank.RowSource;
import dev.gyre.trainer.rank.TrainingRank;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.BitSet;
import org.junit.jupiter.api.Test;

/**
 * Shows that recall needs attention across ranks: without attention between the two ranks, the
 * losses at the queries do not depend on a single bit of the pairs, for any weights. All values are
 * equally likely, so the best result is then chance.
 */
final class RecallReachTest {
  private static final int LENGTH = 48;
  private static final int PAIRS = 4;

  private static final ModelSpec MODEL = TinyTraining.model(16, 2);

  @Test
  void queriesKnowThePairsOnlyAcrossRanks() {
    RecallDocuments.Document recall =
        RecallDocuments.of(0, "mqar:pairs=4,length=48,documents=1").document(0);
    byte[] tokens = recall.tokens();
    byte[] otherPairs = tokens.clone();
    for (int p = 0; p < PAIRS; p++) {
      otherPairs[2 * p + 1] = tokens[2 * ((p + 1) % PAIRS) + 1];
    }
    BitSet queries = recall.labelled();
    assertNotNull(queries);
    Documents whole = new Documents(LENGTH);
    Documents cut = new Documents(LENGTH / 2, LENGTH / 2);
    float[] through = losses(whole, tokens, queries);
    float[] throughOther = losses(whole, otherPairs, queries);
    float[] without = losses(cut, tokens, queries);
    float[] withoutOther = losses(cut, otherPairs, queries);
    for (int t = queries.nextSetBit(0); t >= 0; t = queries.nextSetBit(t + 1)) {
      assertNotEquals(through[t], throughOther[t], "query at " + t + " ignores the pairs");
      assertEquals(without[t], withoutOther[t], "query at " + t + " saw the pairs");
    }
  }

  /** The loss of each token, over two ranks that hold half of the tokens each. */
  private static float[] losses(Documents documents, byte[] tokens, BitSet queries) {
    Mesh mesh = new Mesh(1, 2, 1, 1);
    RankSpec spec =
        new RankSpec(
            MODEL,
            mesh,
            Objective.of(0, 0),
            new Execution(DType.F32, Checkpointing.NONE, 64),
            LayoutKind.CONTIGUOUS,
            1,
            1,
            RankSpec.everywhere(MODEL, new RingSchedule()),
            1,
            4 << 20,
            null);
    float[] losses = new float[LENGTH];
    try (LocalNetwork network =
        LocalNetwork.loopback(mesh.workers(), Options.plain().withNeverBuffer())) {
      RankThreads.run(
          mesh.workers(),
          network,
          transport -> {
            half(transport, spec, documents, tokens, queries, losses);
            return true;
          });
    }
    return losses;
  }

  private static void half(
      Transport transport,
      RankSpec spec,
      Documents documents,
      byte[] tokens,
      BitSet queries,
      float[] losses) {
    RowSource source =
        (run, ids, labels) -> {
          for (int i = 0; i < run.length(); i++) {
            int t = run.start() + i;
            ids.setAtIndex(ValueLayout.JAVA_INT, i, tokens[t] & 0xFF);
            int label = queries.get(t) ? tokens[t + 1] & 0xFF : Feed.NO_LABEL;
            labels.setAtIndex(ValueLayout.JAVA_INT, i, label);
          }
        };
    BatchTotals totals = new BatchTotals(LENGTH, queries.cardinality(), 1);
    try (Backend backend = new ScalarBackendProvider().open(1);
        TrainingRank rank = TrainingRank.open(transport, backend, spec)) {
      rank.parameters()
          .load((parameter, box, into) -> InitialWeights.fill(parameter, 3, box, into));
      try (PreparedRow row = rank.prepare(rank.layOut(documents), source, totals)) {
        Tensor mine = rank.workspace().save(DType.F32, row.batch().count());
        rank.model().evaluate(row.input(), mine, Observer.NONE);
        MemorySegment.copy(
            mine.segment(),
            ValueLayout.JAVA_FLOAT,
            0,
            losses,
            transport.rank() * LENGTH / 2,
            LENGTH / 2);
      }
    }
  }
}
