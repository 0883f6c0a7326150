package dev.gyre.trainer.data;

import dev.gyre.kernels.DType;
import dev.gyre.model.Execution;
import dev.gyre.model.Objective;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.trainer.rank.RankSpec;
import java.util.Map;

/** A model of bytes with one layer of width 8, which one rank trains in f32. */
final class TinyTraining {
  private TinyTraining() {}

  /** A dense model of bytes with two heads over one key/value head, and full attention. */
  static ModelSpec model(int width, int layers) {
    return new Decoder(new EmbeddingSpec(256, width), layers, new HeadShape(2, 1, width / 2))
        .mlp(width)
        .tied(true)
        .spec();
  }

  /**
   * Steps of one row.
   *
   * @param nonFinite what to do with a step that is not finite: {@code fail} or {@code skip}
   */
  static TrainSpec train(int rowTokens, String nonFinite) {
    return TrainSpec.of(rowTokens, rowTokens)
        .with(
            Map.of(
                "steps",
                100,
                "dtype",
                "f32",
                "balanceLoss",
                0,
                "nonFinite",
                nonFinite,
                "optimizer",
                TrainSpec.Optimizer.constant(1e-3).with("weightDecay", 0)));
  }

  static RankSpec rank(int rowTokens) {
    return RankSpec.of(
        model(8, 1),
        new Mesh(1, 1, 1, 1),
        Objective.CROSS_ENTROPY,
        Execution.of(DType.F32),
        rowTokens,
        1 << 20);
  }
}
