package dev.gyre.trainer.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.conformance.DeferredBackend;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.model.Observer;
import dev.gyre.model.tape.Checkpointing;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.rank.BatchTotals;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.PreparedRow;
import dev.gyre.trainer.rank.RankSpec;
import dev.gyre.trainer.rank.TrainingRank;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Bytes of a step that are copied to a device and back: no weights, activations or moments. */
final class DeviceTrafficTest {
  private static final int TOKENS = 29;

  private static final ModelSpec DENSE =
      new Decoder(new EmbeddingSpec(11, 16), 2, new HeadShape(4, 2, 4))
          .mlp(24)
          .attention(new AttentionPattern(List.of(), 7))
          .spec();

  private static final TrainSpec.Optimizer ADAM =
      TrainSpec.Optimizer.constant(1e-3).with("eps", 1e-4);

  @Test
  void aStepMovesItsTokensAndTwoSums() {
    RankSpec spec =
        RankSpec.of(
            DENSE,
            new Mesh(1, 1, 1, 1),
            Objective.of(0, 0),
            new Execution(DType.BF16, Checkpointing.NONE, 8),
            TOKENS,
            4 << 20);
    try (LocalNetwork network = LocalNetwork.loopback(1, Options.plain());
        DeferredBackend device = new DeferredBackend();
        TrainingRank rank = TrainingRank.open(network.open(0), device, spec)) {
      rank.parameters().initialise(5);
      step(rank, 1);
      long before = device.bytesMoved();
      step(rank, 2);
      long inputs = 3L * TOKENS * Integer.BYTES; // tokens, labels, positions
      long sums = 2L * Double.BYTES; // the loss and the gradient's norm
      assertEquals(inputs + sums, device.bytesMoved() - before);
    }
  }

  private static void step(TrainingRank rank, int step) {
    rank.parameters().zeroGradients();
    BatchTotals totals = new BatchTotals(TOKENS, TOKENS, 1);
    try (PreparedRow row =
        rank.prepare(
            rank.layOut(new Documents(TOKENS)),
            (run, tokens, labels) -> {
              for (int i = 0; i < run.length(); i++) {
                tokens.setAtIndex(ValueLayout.JAVA_INT, i, i % 11);
                labels.setAtIndex(ValueLayout.JAVA_INT, i, i % 7);
              }
            },
            totals)) {
      row.forwardBackward(Observer.NONE);
    }
    rank.parameters().reduceGradients();
    double norm = Math.sqrt(rank.parameters().squaredNorm());
    rank.parameters().step(ADAM, ADAM.lr(), Math.min(1, 1 / norm), step);
  }
}
