package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.job.TrainSpec;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

final class StepsChangeTest {
  private static TrainSpec train(
      String schedule, double warmup, double minLr, SequenceStage... stages) {
    TrainSpec train = TrainSpec.of(8192, 8192);
    return train.with(
        Map.of(
            "steps",
            20,
            "optimizer",
            train
                .optimizer()
                .with(Map.of("lr", 1.2e-3, "warmup", warmup, "schedule", schedule, "minLr", minLr)),
            "stages",
            List.of(stages)));
  }

  @Test
  void moreStepsAfterAFinishedCosine() {
    assertEquals(
        List.of("rate at step 11: 6.0e-4, was 0.0 (cosine over 20 steps instead of 10)"),
        StepsChange.describe(train("cosine", 0, 0), 10, 10, 20));
    assertEquals(
        List.of("rate at step 11: 6.5e-4, was 1.0e-4 (cosine over 20 steps instead of 10)"),
        StepsChange.describe(train("cosine", 0, 1e-4), 10, 10, 20));
  }

  @Test
  void aRateThatStaysIsNotMentioned() {
    assertEquals(List.of(), StepsChange.describe(train("constant", 0, 0), 10, 10, 20));
    assertEquals(List.of(), StepsChange.describe(train("cosine", 0, 0), 7, 10, 10));
  }

  @Test
  void alsoAWarmUpMayBecomeLonger() {
    assertEquals(
        List.of("rate at step 6: 7.2e-4, was 1.2e-3 (constant over 20 steps instead of 10)"),
        StepsChange.describe(train("constant", 0.5, 0), 5, 10, 20));
  }

  @Test
  void stagesBeginAtOtherSteps() {
    TrainSpec staged =
        train(
            "constant",
            0,
            0,
            new SequenceStage(2048, 0.7, 8192),
            new SequenceStage(8192, 0.3, 8192));
    assertEquals(
        List.of(
            "sequences at step 11: 2048 tokens, were 8192 (stages over 20 steps instead of 10; rows"
                + " may come twice or be left out)"),
        StepsChange.describe(staged, 10, 10, 20));
    assertEquals(List.of(), StepsChange.describe(staged, 5, 10, 10));
  }
}
