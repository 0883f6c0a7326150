package dev.gyre.trainer.step;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Held-out loss after some steps; one line of {@code evals.jsonl}.
 *
 * @param step the steps done so far
 * @param loss nats per labelled held-out token
 * @param tokens labelled tokens it was measured on
 * @param sure share of them to whose label the model gave more than half of the probability, so
 *     that accuracy is at least this; null unless the data asks for answers
 * @param reach loss by position in the document, nearest first; positions no token had are left out
 */
public record EvalMetrics(
    long step, double loss, long tokens, @Nullable Double sure, List<Reach> reach) {
  public EvalMetrics {
    reach = List.copyOf(reach);
  }

  /**
   * Mean loss of the tokens at some positions: how much the context before them helps.
   *
   * @param from first position in the document
   * @param to first position beyond
   */
  public record Reach(int from, int to, double loss, @JsonProperty("tokens") long tokens) {}
}
