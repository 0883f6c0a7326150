package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.gyre.trainer.step.StepMetrics;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A learning rate that ruins the weights in the first step: every later step is skipped. */
final class SkippedStepsTest {
  private static final String RATE =
      "train.optimizer={lr: 1e30, eps: 1e-4, warmup: 0, schedule: constant}";

  @TempDir private static Path folder;

  @Test
  void skippedStepsAreCountedAndTwentyInARowEndTheRun() throws Exception {
    Workplace place = Workplace.in(folder);
    Gyre.Ended ended =
        place.train(
            "--set",
            RATE,
            "--set",
            "train.non-finite=skip",
            "--set",
            "train.steps=100",
            "--set",
            "checkpoint={every: 10, keep: 3}");
    assertEquals(64, ended.exit(), ended.output());
    Says.all(
        ended,
        "skipped: not finite",
        "20 steps in a row were skipped",
        "Go on from an earlier checkpoint with a lower train.optimizer.lr");
    List<StepMetrics> steps = Trained.metrics(place.run(1));
    assertEquals(20, steps.size(), "one good step, 19 skipped; the 20th ends the run");
    assertFalse(steps.getFirst().skipped());
    assertEquals(19, steps.stream().filter(StepMetrics::skipped).count());
    assertEquals(19, place.newestCheckpoint(1).manifest().skipped(), "19 of its 20 steps");
  }
}
