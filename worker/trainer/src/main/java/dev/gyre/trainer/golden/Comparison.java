package dev.gyre.trainer.golden;

import dev.gyre.kernels.DType;
import dev.gyre.trainer.golden.GoldenReport.Line;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Compares a result with a golden case.
 *
 * <p>f32: losses within 1e-5; gradients and logits within 2e-5 of the tensor's largest magnitude,
 * gradients + 1e-6 of the largest gradient of all; router choices equal as sets; the curve's losses
 * within 1e-4. bf16: losses within 1e-2; ‖Δ‖/‖expected‖ at most 6e-2 for every gradient, 3e-2 at
 * their median and for the logits. An expected norm below 1e-6 of the largest counts as 1e-6 of it.
 */
final class Comparison {
  private static final double F32_LOSS = 1e-5;
  private static final double F32_CURVE = 1e-4;
  private static final double F32_OF_TENSOR = 2e-5;
  private static final double F32_OF_ALL = 1e-6;
  private static final double BF16_LOSS = 1e-2;
  private static final double BF16_GRADIENT = 6e-2;
  private static final double BF16_MEDIAN = 3e-2;
  private static final double BF16_LOGITS = 3e-2;
  private static final double NEGLIGIBLE_NORM = 1e-6;

  private final GoldenCase golden;
  private final GoldenResult result;
  private final List<Line> lines = new ArrayList<>();

  private Comparison(GoldenCase golden, GoldenResult result) {
    this.golden = golden;
    this.result = result;
  }

  static GoldenReport of(GoldenCase golden, GoldenResult result, DType dtype) {
    Comparison comparison = new Comparison(golden, result);
    if (dtype == DType.F32) {
      comparison.f32();
    } else {
      comparison.bf16();
    }
    return new GoldenReport(golden.name(), comparison.lines);
  }

  private void f32() {
    losses(F32_LOSS);
    double largestLogit = 0;
    double logitError = 0;
    for (int r = 0; r < golden.logits().length; r++) {
      largestLogit = Math.max(largestLogit, largest(golden.logits()[r]));
      logitError = worse(logitError, largestDifference(golden.logits()[r], result.logits[r]));
    }
    lines.add(new Line("logits", "", logitError, F32_OF_TENSOR * largestLogit));
    choices();
    double largestOfAll = 0;
    for (float[] gradient : golden.gradients().values()) {
      largestOfAll = Math.max(largestOfAll, largest(gradient));
    }
    Map<String, Line> groups = new LinkedHashMap<>();
    for (Map.Entry<String, float[]> entry : golden.gradients().entrySet()) {
      float[] got = result.gradient(entry.getKey());
      double limit = F32_OF_TENSOR * largest(entry.getValue()) + F32_OF_ALL * largestOfAll;
      keepWorst(groups, entry.getKey(), largestDifference(entry.getValue(), got), limit);
    }
    lines.addAll(groups.values());
    curve();
  }

  private void bf16() {
    losses(BF16_LOSS);
    double difference = 0;
    double norm = 0;
    for (int r = 0; r < golden.logits().length; r++) {
      difference += squaredDifference(golden.logits()[r], result.logits[r]);
      norm += squaredNorm(golden.logits()[r]);
    }
    lines.add(new Line("logits", "", Math.sqrt(difference / norm), BF16_LOGITS));
    choices();
    double largestNorm = 0;
    for (float[] gradient : golden.gradients().values()) {
      largestNorm = Math.max(largestNorm, Math.sqrt(squaredNorm(gradient)));
    }
    double negligible = NEGLIGIBLE_NORM * largestNorm;
    Map<String, Line> groups = new LinkedHashMap<>();
    List<Double> errors = new ArrayList<>();
    for (Map.Entry<String, float[]> entry : golden.gradients().entrySet()) {
      float[] got = result.gradient(entry.getKey());
      double of = Math.sqrt(squaredNorm(entry.getValue()));
      double error = Math.sqrt(squaredDifference(entry.getValue(), got)) / Math.max(of, negligible);
      keepWorst(groups, entry.getKey(), error, BF16_GRADIENT);
      if (of >= negligible) {
        errors.add(error);
      }
    }
    lines.addAll(groups.values());
    lines.add(new Line("gradients, median", "", median(errors), BF16_MEDIAN));
  }

  private void losses(double limit) {
    lines.add(new Line("loss", "", Math.abs(result.loss - golden.loss()), limit));
    double error = Math.abs(result.crossEntropy - golden.crossEntropy());
    lines.add(new Line("cross-entropy", "", error, limit));
  }

  /** Counts tokens whose set of experts differs. */
  private void choices() {
    int k = golden.model().expertsPerToken();
    int different = 0;
    String first = "";
    for (int layer = 0; layer < golden.choices().length; layer++) {
      for (int row = 0; row < golden.choices()[layer].length; row++) {
        int[] want = golden.choices()[layer][row];
        int[] got = result.choices[layer][row];
        for (int at = 0; at < want.length; at += k) {
          int[] a = Arrays.copyOfRange(want, at, at + k);
          int[] b = Arrays.copyOfRange(got, at, at + k);
          Arrays.sort(a);
          Arrays.sort(b);
          if (!Arrays.equals(a, b)) {
            first =
                different > 0
                    ? first
                    : "layer %d row %d token %d chose %s, not %s"
                        .formatted(layer, row, at / k, Arrays.toString(b), Arrays.toString(a));
            different++;
          }
        }
      }
    }
    lines.add(new Line("router choices", first, different, 0));
  }

  private void curve() {
    double worst = 0;
    int at = 0;
    for (int step = 0; step < result.curve.length; step++) {
      double error = Math.abs(result.curve[step] - golden.curve().get(step));
      if (Double.compare(error, worst) > 0) { // NaN is the largest
        worst = error;
        at = step;
      }
    }
    if (result.curve.length > 0) {
      lines.add(new Line("curve", "step " + at, worst, F32_CURVE));
    }
  }

  private static void keepWorst(Map<String, Line> groups, String name, double error, double limit) {
    String group = group(name);
    Line line = new Line(group, name, error, limit);
    Line before = groups.get(group);
    if (before == null || Double.compare(share(line), share(before)) > 0) { // NaN is the largest
      groups.put(group, line);
    }
  }

  /** Error as a share of its limit. */
  private static double share(Line line) {
    return line.error() == 0 ? 0 : line.error() / line.limit();
  }

  /** The name without layer and expert: {@code gradient experts.down}. */
  private static String group(String name) {
    return "gradient "
        + name.replaceFirst("^layers\\.\\d+\\.", "")
            .replaceFirst("^feed_forward\\.experts\\.\\d+\\.", "experts.");
  }

  /** The larger; NaN is worse than anything. */
  private static double worse(double a, double b) {
    return Math.max(a, b);
  }

  private static double largest(float[] x) {
    double largest = 0;
    for (float value : x) {
      largest = Math.max(largest, Math.abs(value));
    }
    return largest;
  }

  private static double largestDifference(float[] want, float[] got) {
    double largest = 0;
    for (int i = 0; i < want.length; i++) {
      largest = worse(largest, Math.abs((double) want[i] - got[i]));
    }
    return largest;
  }

  private static double squaredNorm(float[] x) {
    double sum = 0;
    for (float value : x) {
      sum += (double) value * value;
    }
    return sum;
  }

  private static double squaredDifference(float[] want, float[] got) {
    double sum = 0;
    for (int i = 0; i < want.length; i++) {
      double difference = (double) want[i] - got[i];
      sum += difference * difference;
    }
    return sum;
  }

  private static double median(List<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    int middle = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }
}
