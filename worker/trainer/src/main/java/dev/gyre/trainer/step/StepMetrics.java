package dev.gyre.trainer.step;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonProperty;
import dev.gyre.partitioning.job.Records;
import dev.gyre.trainer.json.SpecException;
import dev.gyre.trainer.json.SpecJson;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One line of {@code metrics.jsonl}. Seconds, bytes and memory are rank 0's; the rest is of the
 * global batch.
 *
 * @param step from 1, the steps done so far
 * @param loss cross-entropy in nats per labelled token; not a number if no token has a label
 * @param totalLoss the loss with the weighted auxiliary losses
 * @param losses each loss term of the model, summed over its layers, before its coefficient, by
 *     {@link #lossKey}; a key of its own in the line
 * @param tokens of the step's rows
 * @param mfu model FLOPs over the measured matmul peak of all workers, in [0, 1]
 * @param gradNorm before clipping
 * @param expertLoad rows of each expert, by MoE layer
 * @param bytesSent payload bytes a worker sent, by kind of collective
 * @param schedules rank 0's rows by attention schedule, per kind of layer
 * @param computeSeconds the step without communication and waits; transfers may have overlapped
 *     with it
 * @param communicationSeconds time in which the training thread moved bytes instead of computing
 * @param waitSeconds time in which the training thread waited for another rank
 * @param exposedFraction communication and waits over the step, in [0, 1]: what overlap did not
 *     hide
 * @param memoryBytes peak of a worker's workspace, plus parameters and optimizer state
 * @param skipped whether the update was skipped for a non-finite loss
 * @param eval held-out loss measured after this step; null if none was
 */
public record StepMetrics(
    long step,
    double loss,
    @JsonProperty("total_loss") double totalLoss,
    @JsonAnyGetter Map<String, Double> losses,
    long tokens,
    @JsonProperty("step_seconds") double stepSeconds,
    @JsonProperty("tokens_per_second") double tokensPerSecond,
    double mfu,
    @JsonProperty("grad_norm") double gradNorm,
    double lr,
    @JsonProperty("expert_load") List<List<Long>> expertLoad,
    @JsonProperty("bytes_sent") Map<String, Long> bytesSent,
    Map<String, Map<String, Integer>> schedules,
    @JsonProperty("compute_seconds") double computeSeconds,
    @JsonProperty("communication_seconds") double communicationSeconds,
    @JsonProperty("wait_seconds") double waitSeconds,
    @JsonProperty("exposed_fraction") double exposedFraction,
    @JsonProperty("memory_bytes") long memoryBytes,
    boolean skipped,
    @Nullable EvalMetrics eval) {

  private static final String LOSS = "_loss";
  private static final String TOTAL = "total_loss";

  public StepMetrics {
    losses = Collections.unmodifiableMap(new LinkedHashMap<>(losses));
    for (String key : losses.keySet()) {
      if (!key.endsWith(LOSS)) {
        throw new IllegalArgumentException("'" + key + "' is not a key of metrics");
      }
    }
  }

  /**
   * Reads a line.
   *
   * @param what names it in errors
   * @throws SpecException if it is not one
   */
  public static StepMetrics parse(String line, String what) {
    return SpecJson.read(line, StepMetrics.class, what, StepMetrics::nestLosses);
  }

  /**
   * The reader of records has no form for keys that it does not know: it gets them as a map. A
   * value that is not finite is null in JSON.
   */
  private static void nestLosses(ObjectNode line) {
    ObjectNode losses = line.objectNode();
    for (String key : List.copyOf(line.propertyNames())) {
      if (key.endsWith(LOSS) && !key.equals(TOTAL)) {
        JsonNode value = line.remove(key);
        losses.set(key, value.isNull() ? line.numberNode(Double.NaN) : value);
      }
    }
    line.set("losses", losses);
  }

  /** The key of a loss term: {@code balance_loss}. */
  public static String lossKey(String term) {
    return term + LOSS;
  }

  /** The same step with a held-out loss measured after it. */
  public StepMetrics withEval(EvalMetrics measured) {
    return Records.with(this, Map.of("eval", measured));
  }
}
