package dev.gyre.trainer.golden;

import dev.gyre.partitioning.model.TensorSpec;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a mesh computed for a case. Ranks write parts that never overlap. NaN and −1 remain where no
 * rank wrote, and fail the comparison.
 */
final class GoldenResult {
  private final Map<String, float[]> gradients = new LinkedHashMap<>();
  final float[][] logits;
  final int[][][] choices;
  final double[] curve;
  double loss = Double.NaN;
  double crossEntropy = Double.NaN;

  GoldenResult(GoldenCase golden) {
    for (TensorSpec spec : golden.model().tensors()) {
      float[] values = new float[Math.toIntExact(spec.elements())];
      Arrays.fill(values, Float.NaN);
      gradients.put(spec.name(), values);
    }
    logits = new float[golden.logits().length][];
    for (int r = 0; r < logits.length; r++) {
      logits[r] = new float[golden.logits()[r].length];
      Arrays.fill(logits[r], Float.NaN);
    }
    choices = new int[golden.choices().length][golden.rows().size()][];
    for (int l = 0; l < choices.length; l++) {
      for (int r = 0; r < choices[l].length; r++) {
        choices[l][r] = new int[golden.choices()[l][r].length];
        Arrays.fill(choices[l][r], -1);
      }
    }
    curve = new double[golden.curve().size()];
    Arrays.fill(curve, Double.NaN);
  }

  float[] gradient(String name) {
    float[] values = gradients.get(name);
    if (values == null) {
      throw new IllegalArgumentException("the model has no weight " + name);
    }
    return values;
  }
}
