package dev.gyre.trainer.step;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.json.SpecJson;
import java.util.List;
import org.junit.jupiter.api.Test;

final class EvaluationTest {
  @Test
  void withoutLabelsThereIsNoLoss() {
    EvalMetrics metrics = Evaluation.metrics(3, new double[13], true);
    assertTrue(Double.isNaN(metrics.loss()));
    assertNull(metrics.accuracyLowerBound());
    assertFalse(metrics.measured());
    assertEquals(
        "{\"step\":3,\"loss\":null,\"tokens\":0,\"accuracy_lower_bound\":null,\"loss_by_position\":[]}",
        SpecJson.line(metrics));
  }

  @Test
  void meansAreOfTheLabels() {
    double[] sums = new double[13];
    sums[0] = 4; // two tokens before position 64
    sums[1] = 2;
    sums[2] = 9; // three from 64 on
    sums[3] = 3;
    sums[12] = 1;
    EvalMetrics metrics = Evaluation.metrics(3, sums, true);
    assertEquals(13.0 / 5, metrics.loss());
    assertEquals(0.2, metrics.accuracyLowerBound());
    assertEquals(
        List.of(
            new EvalMetrics.PositionLoss(0, 64, 2, 2), new EvalMetrics.PositionLoss(64, 512, 3, 3)),
        metrics.lossByPosition());
    assertNull(Evaluation.metrics(3, sums, false).accuracyLowerBound());
  }

  @Test
  void whatEarlierVersionsWroteIsRead() {
    String old =
        "{\"step\":2,\"loss\":1.5,\"tokens\":9,\"sure\":0.5,"
            + "\"reach\":[{\"from\":0,\"to\":64,\"loss\":1.5,\"tokens\":9}]}";
    EvalMetrics metrics = SpecJson.read(old, EvalMetrics.class, "metrics.jsonl");
    assertEquals(0.5, metrics.accuracyLowerBound());
    assertEquals(List.of(new EvalMetrics.PositionLoss(0, 64, 1.5, 9)), metrics.lossByPosition());
  }
}
