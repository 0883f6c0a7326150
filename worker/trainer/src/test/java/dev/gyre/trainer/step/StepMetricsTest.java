package dev.gyre.trainer.step;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.json.SpecException;
import dev.gyre.trainer.json.SpecJson;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** A line of metrics has a key for each loss term of the model, and is read back. */
final class StepMetricsTest {
  private static StepMetrics metrics(Map<String, Double> losses) {
    return new StepMetrics(
        7,
        1.5,
        1.75,
        losses,
        2048,
        0.5,
        4096,
        0.1,
        2,
        1e-3,
        List.of(List.of(3L, 4L)),
        Map.of("ring", 5L),
        Map.of(),
        0.4,
        0.05,
        0.05,
        0.2,
        1000,
        false,
        null);
  }

  @Test
  void everyLossTermHasAKeyOfItsOwn() {
    StepMetrics written =
        metrics(Map.of(StepMetrics.lossKey("balance"), 0.25, StepMetrics.lossKey("z"), 0.5));
    String line = SpecJson.line(written);
    assertTrue(line.contains("\"balance_loss\":0.25"), line);
    assertTrue(line.contains("\"z_loss\":0.5"), line);
    assertFalse(line.contains("\"losses\""), line);
    assertEquals(written, StepMetrics.parse(line, "a line"));
  }

  @Test
  void aModelWithoutLossTermsHasNone() {
    StepMetrics written = metrics(Map.of());
    assertEquals(written, StepMetrics.parse(SpecJson.line(written), "a line"));
  }

  /** JSON has no number for it. */
  @Test
  void aTermThatIsNotFiniteIsNull() {
    String key = StepMetrics.lossKey("balance");
    String line = SpecJson.line(metrics(Map.of(key, Double.NaN)));
    assertTrue(line.contains("\"balance_loss\":null"), line);
    assertEquals(Map.of(key, Double.NaN), StepMetrics.parse(line, "a line").losses());
  }

  /** A value that is absent is not one that is not a number. */
  @Test
  void anEvaluationWithoutAnswersHasNone() {
    StepMetrics written = metrics(Map.of()).withEval(new EvalMetrics(7, 1.25, 64, null, List.of()));
    StepMetrics read = StepMetrics.parse(SpecJson.line(written), "a line");
    assertEquals(written, read);
    assertNull(requireNonNull(read.eval()).accuracyLowerBound());
  }

  @Test
  void anUnknownKeyIsRefused() {
    String line = SpecJson.line(metrics(Map.of())).replace("\"mfu\"", "\"muf\"");
    SpecException e = assertThrows(SpecException.class, () -> StepMetrics.parse(line, "a line"));
    assertTrue(e.getMessage().startsWith("a line is not a valid StepMetrics"), e.getMessage());
  }
}
