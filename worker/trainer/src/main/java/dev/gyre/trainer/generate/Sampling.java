package dev.gyre.trainer.generate;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.trainer.step.NumericException;
import java.util.SplittableRandom;

/**
 * How the next token is sampled.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param seed of the samples: the same seed, model and prompt give the same text
 */
public record Sampling(double temperature, long seed) {
  public static final NumberRange TEMPERATURE = NumberRange.atLeast(0);

  public Sampling {
    TEMPERATURE.require("temperature", temperature);
  }

  /**
   * Draws from softmax(logits / temperature).
   *
   * @throws NumericException if a logit is not finite
   */
  int draw(float[] logits, SplittableRandom random) {
    int best = 0;
    for (int i = 0; i < logits.length; i++) {
      if (!Float.isFinite(logits[i])) {
        throw new NumericException(
            "the model's output is not finite: logit %d is %f. Training has diverged, or the weights are damaged"
                .formatted(i, logits[i]));
      }
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    if (temperature == 0) {
      return best;
    }
    double[] weights = new double[logits.length];
    double sum = 0;
    for (int i = 0; i < logits.length; i++) {
      weights[i] = StrictMath.exp((logits[i] - logits[best]) / temperature);
      sum += weights[i];
    }
    double left = random.nextDouble() * sum;
    for (int i = 0; i < logits.length; i++) {
      left -= weights[i];
      if (left < 0) {
        return i;
      }
    }
    return best;
  }
}
