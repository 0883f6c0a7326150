package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.job.TrainSpec;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class RateChangeTest {
  private static TrainSpec.Optimizer optimizer(String schedule, double warmup, double minLr) {
    return new TrainSpec.Optimizer(1.2e-3, warmup, schedule, minLr, 1, 0.1, 0.9, 0.95, 1e-8);
  }

  @Test
  void moreStepsAfterAFinishedCosine() {
    assertEquals(
        Optional.of("rate at step 11: 6.0e-4, was 0.0 (cosine over 20 steps instead of 10)"),
        RateChange.describe(optimizer("cosine", 0, 0), 10, 10, 20));
    assertEquals(
        Optional.of("rate at step 11: 6.5e-4, was 1.0e-4 (cosine over 20 steps instead of 10)"),
        RateChange.describe(optimizer("cosine", 0, 1e-4), 10, 10, 20));
  }

  @Test
  void aRateThatStaysIsNotMentioned() {
    assertEquals(Optional.empty(), RateChange.describe(optimizer("constant", 0, 0), 10, 10, 20));
    assertEquals(Optional.empty(), RateChange.describe(optimizer("cosine", 0, 0), 7, 10, 10));
  }

  @Test
  void alsoAWarmUpMayBecomeLonger() {
    assertEquals(
        Optional.of("rate at step 6: 7.2e-4, was 1.2e-3 (constant over 20 steps instead of 10)"),
        RateChange.describe(optimizer("constant", 0.5, 0), 5, 10, 20));
  }
}
