package dev.gyre.trainer.generate;

import java.util.SplittableRandom;

/**
 * How the next token is sampled.
 *
 * @param temperature divides the logits; 0 takes the most likely token
 * @param seed of the samples: the same seed, model and prompt give the same text
 */
public record Sampling(double temperature, long seed) {
  public Sampling {
    if (!(temperature >= 0) || Double.isInfinite(temperature)) {
      throw new IllegalArgumentException("temperature " + temperature + " must be 0 or more");
    }
  }

  /** Draws from softmax(logits / temperature). */
  int draw(float[] logits, SplittableRandom random) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
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
