package dev.gyre.deploy.bench;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.step.StepMetrics;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * The result of a benchmark, as one JSON object with the same keys as the scripts of other
 * frameworks.
 *
 * @param peer the framework
 * @param world workers
 * @param sp how the sequence is split: {@code ring}, {@code ulysses}, {@code hybrid}; {@code data}
 *     or {@code none} if it is not
 * @param stepSeconds median, without warm-up steps
 * @param exposed median of the same steps: share of rank 0's step spent in communication and waits
 * @param activations activation policy of the plan
 * @param memoryBytes peak bytes of rank 0's tensors in a step, without the process itself
 * @param mfu median of the same steps: share of this machine's measured matmul peak
 */
public record BenchResult(
    String peer,
    int world,
    String sp,
    String dtype,
    int seq,
    int d,
    int layers,
    int heads,
    int kv,
    int experts,
    int topk,
    int ffn,
    @JsonProperty("step_s") double stepSeconds,
    @JsonProperty("tokens_per_s") double tokensPerSecond,
    List<Double> losses,
    @JsonProperty("exposed_fraction") double exposed,
    double mfu,
    String activations,
    @JsonProperty("memory_bytes") long memoryBytes,
    String cpu) {
  public BenchResult {
    losses = List.copyOf(losses);
  }

  /**
   * @param steps all steps, in order; at least one
   */
  public static BenchResult of(
      String version, BenchJob job, Plan plan, List<StepMetrics> steps, String cpu) {
    int skipped = steps.size() < BenchJob.ALL_BELOW ? 0 : BenchJob.WARM_UP;
    List<StepMetrics> counted = steps.subList(skipped, steps.size());
    double step = median(counted.stream().mapToDouble(StepMetrics::stepSeconds).toArray());
    double tokens = median(counted.stream().mapToDouble(StepMetrics::tokens).toArray());
    List<Double> losses = new ArrayList<>();
    for (StepMetrics s : steps) {
      losses.add(round(s.loss(), 4));
    }
    return new BenchResult(
        "gyre-" + version,
        plan.mesh().workers(),
        sequenceParallelism(plan.mesh()),
        plan.dtype(),
        job.sequence(),
        job.hidden(),
        job.layers(),
        job.heads(),
        job.kvHeads(),
        job.experts(),
        job.experts() == 0 ? 0 : job.topK(),
        job.ffn(),
        round(step, 4),
        round(tokens / step, 1),
        losses,
        round(median(counted.stream().mapToDouble(StepMetrics::exposedFraction).toArray()), 4),
        round(median(counted.stream().mapToDouble(StepMetrics::mfu).toArray()), 4),
        plan.activations().describe(),
        steps.stream().mapToLong(StepMetrics::memoryBytes).max().orElse(0),
        cpu);
  }

  private static String sequenceParallelism(Mesh mesh) {
    if (mesh.ring() > 1) {
      return mesh.ulysses() > 1 ? "hybrid" : "ring";
    }
    if (mesh.ulysses() > 1) {
      return "ulysses";
    }
    return mesh.dataParallel() > 1 ? "data" : "none";
  }

  private static double median(double[] values) {
    Arrays.sort(values);
    int middle = values.length / 2;
    return values.length % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  }

  private static double round(double value, int digits) {
    double scale = Math.pow(10, digits);
    return Math.round(value * scale) / scale;
  }
}
