package dev.gyre.partitioning.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A record refuses numbers that a job file may not have, from any source. */
final class SpecNumbersTest {
  private static TrainSpec.Optimizer optimizer(
      double lr, double minLr, double decay, double beta1, double beta2, double eps) {
    return TrainSpec.of(1, 1)
        .optimizer()
        .with(
            Map.of(
                "lr",
                lr,
                "minLr",
                minLr,
                "weightDecay",
                decay,
                "beta1",
                beta1,
                "beta2",
                beta2,
                "eps",
                eps));
  }

  private static ModelSpec model(int heads, double normEps, double theta) {
    return new Decoder(new EmbeddingSpec(256, 64), 2, new HeadShape(heads, 1, 16))
        .mlp(128)
        .experts(4, 2)
        .normEps(normEps)
        .ropeTheta(theta)
        .spec();
  }

  private static void refused(String key, DoubleFunction<Object> made, double... values) {
    for (double value : values) {
      Invalid invalid = assertThrows(Invalid.class, () -> made.apply(value), key + " " + value);
      assertEquals(key, invalid.key());
    }
  }

  @ParameterizedTest
  @ValueSource(doubles = {Double.NaN, Double.POSITIVE_INFINITY, -1, 1e39})
  void noNumberOfTheOptimizerIsNegativeOrNotFinite(double value) {
    String key = "train.optimizer.";
    refused(key + "lr", lr -> optimizer(lr, 0, 0.1, 0.9, 0.95, 1e-8), value);
    refused(key + "min-lr", min -> optimizer(1e-3, min, 0.1, 0.9, 0.95, 1e-8), value);
    refused(key + "weight-decay", decay -> optimizer(1e-3, 0, decay, 0.9, 0.95, 1e-8), value);
    refused(key + "beta1", beta -> optimizer(1e-3, 0, 0.1, beta, 0.95, 1e-8), value);
    refused(key + "beta2", beta -> optimizer(1e-3, 0, 0.1, 0.9, beta, 1e-8), value);
    refused(key + "eps", eps -> optimizer(1e-3, 0, 0.1, 0.9, 0.95, eps), value);
  }

  @Test
  void momentsDecayAndTheFloorLiesBelowThePeak() {
    refused("train.optimizer.beta1", b -> optimizer(1e-3, 0, 0.1, b, 0.95, 1e-8), 1, 1.5);
    refused("train.optimizer.beta2", b -> optimizer(1e-3, 0, 0.1, 0.9, b, 1e-8), 1, 2, 0.99999999);
    refused("train.optimizer.eps", e -> optimizer(1e-3, 0, 0.1, 0.9, 0.95, e), 0, 1e-60);
    refused("train.optimizer.min-lr", m -> optimizer(1e-3, m, 0.1, 0.9, 0.95, 1e-8), 2e-3);
    assertEquals(1e-3, optimizer(1e-3, 1e-3, 0, 0, 0, 1e-8).minLr());
  }

  @Test
  void aModelHasHeadsAndFiniteConstants() {
    refused("model.num_attention_heads", heads -> model((int) heads, 1e-5, 1e4), 0, -2, 1 << 20);
    refused("model.rms_norm_eps", eps -> model(4, eps, 1e4), 0, -1, Double.NaN);
    refused("model.rope_theta", theta -> model(4, 1e-5, theta), 0, -1, Double.NaN, 1e300);
  }

  @Test
  void rowsOfAStepCanBeCounted() {
    Invalid invalid = assertThrows(Invalid.class, () -> TrainSpec.of(1, 1L << 21));
    assertTrue(invalid.getMessage().contains("at most 1048576"), invalid.getMessage());
  }

  @Test
  void sharesLieBetweenNothingAndAll() {
    DoubleFunction<Object> dataset =
        share -> DatasetSpec.of(List.of(DatasetSpec.Source.of("a.txt"))).with("holdout", share);
    refused("dataset.holdout", dataset, -0.01, 0.51, Double.NaN);
    refused(
        "dataset.train.weight",
        weight -> DatasetSpec.Source.of("a.txt").with("weight", weight),
        0,
        -1,
        Double.NaN,
        1e30);
  }
}
