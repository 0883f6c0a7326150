package dev.gyre.trainer.step;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A held-out evaluation; the value of {@code eval} in {@code metrics.jsonl}.
 *
 * @param step the steps done so far
 * @param loss nats per labelled held-out token
 * @param tokens labelled tokens it was measured on
 * @param sure share of labels with more than half of the probability, a lower bound of accuracy;
 *     null unless the data is a task
 * @param reach loss by position in the document, in order; positions without tokens are left out
 */
public record EvalMetrics(
    long step, double loss, long tokens, @Nullable Double sure, List<Reach> reach) {
  public EvalMetrics {
    reach = List.copyOf(reach);
  }

  /**
   * Mean loss of the tokens in a range of positions.
   *
   * @param from first position in the document
   * @param to position behind the last
   */
  public record Reach(int from, int to, double loss, @JsonProperty("tokens") long tokens) {}
}
