package dev.gyre.partitioning.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Map;
import org.junit.jupiter.api.Test;

final class LearningRateTest {
  private static TrainSpec.Optimizer cosine(double warmup, double minLr) {
    return TrainSpec.of(1, 1).optimizer().with(Map.of("warmup", warmup, "minLr", minLr));
  }

  @Test
  void warmUpIsLinearAndEndsAtThePeak() {
    TrainSpec.Optimizer o = cosine(0.2, 0);
    assertEquals(2.5e-4, o.lrAt(0, 20), 1e-12);
    assertEquals(1e-3, o.lrAt(3, 20), 1e-12);
    assertEquals(1e-3, o.lrAt(4, 20), 1e-12, "the cosine begins at its peak");
  }

  /** A step at rate 0 would train nothing. */
  @Test
  void theLastStepStillTrains() {
    TrainSpec.Optimizer o = cosine(0, 0);
    assertEquals(1e-3, o.lrAt(0, 1), 1e-12, "a single step");
    assertEquals(0.5e-3 * (1 + Math.cos(Math.PI * 19 / 20)), o.lrAt(19, 20), 1e-12);
    assertTrue(o.lrAt(19, 20) > 6e-6);
    assertEquals(0, o.lrAt(20, 20), "reached after the last step");
    assertEquals(0, o.lrAt(21, 20));
    assertEquals(1e-4, cosine(0.05, 1e-4).lrAt(20, 20), 1e-12);
    assertEquals(0.5e-3, o.lrAt(10, 20), 1e-12, "half way");
  }
}
