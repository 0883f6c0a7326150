package dev.gyre.trainer.step;

import com.fasterxml.jackson.annotation.JsonAlias;
import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A held-out evaluation; the value of {@code eval} in {@code metrics.jsonl}. Aliases are the names
 * that earlier versions wrote.
 *
 * @param step the steps done so far
 * @param loss nats per labelled held-out token; not a number if no held-out token has a label
 * @param tokens labelled tokens it was measured on
 * @param accuracyLowerBound share of labels with more than half of the probability, a lower bound
 *     of accuracy; null unless the data is a task with labels
 * @param lossByPosition mean loss by position in the document, in order; positions without labelled
 *     tokens are left out
 */
public record EvalMetrics(
    long step,
    double loss,
    long tokens,
    @JsonProperty("accuracy_lower_bound") @JsonAlias("sure") @Nullable Double accuracyLowerBound,
    @JsonProperty("loss_by_position") @JsonAlias("reach") List<PositionLoss> lossByPosition) {
  public EvalMetrics {
    lossByPosition = List.copyOf(lossByPosition);
  }

  /** Whether there was a label to measure a loss on. */
  public boolean measured() {
    return tokens > 0;
  }

  /**
   * Mean loss of the tokens in a range of positions.
   *
   * @param from first position in the document
   * @param to position behind the last
   */
  public record PositionLoss(int from, int to, double loss, long tokens) {}
}
