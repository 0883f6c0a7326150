package dev.gyre.partitioning.model;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.Locale;

/**
 * How the frequencies of a rotary embedding are changed, so that a model reaches further than its
 * training did. The keys in errors are those of the job file.
 */
public sealed interface RopeScaling {
  NumberRange FACTOR = NumberRange.atLeast(1);
  NumberRange TOKENS = NumberRange.whole(1, 1L << 30);
  NumberRange POSITIVE = NumberRange.above(0);

  /**
   * Changes the frequencies of a head, in place.
   *
   * @param frequencies radians per token, highest first; of pair i of n, theta^(−i/n)
   * @param theta their base
   */
  void apply(double[] frequencies, double theta);

  /** For the user, with every value that is not the usual one. */
  String describe();

  private static String scaled(String name, double factor, int original) {
    return String.format(Locale.ROOT, "%s × %s of %,d tokens", name, factor, original);
  }

  /** Factor on cosine and sine. */
  default double attentionFactor() {
    return 1;
  }

  /** Factor on the scores of latent attention, beside 1/√D. */
  default double latentScoreFactor() {
    return 1;
  }

  /** No scaling. */
  record None() implements RopeScaling {
    @Override
    public String describe() {
      return "not scaled";
    }

    @Override
    public void apply(double[] frequencies, double theta) {}
  }

  /**
   * Positions divided by a factor. Source: Chen et al., Extending Context Window of Large Language
   * Models via Positional Interpolation, eq. 4.
   */
  record Linear(double factor) implements RopeScaling {
    public Linear {
      FACTOR.require("model.rope.factor", factor);
    }

    @Override
    public String describe() {
      return "linear × " + factor;
    }

    @Override
    public void apply(double[] frequencies, double theta) {
      for (int i = 0; i < frequencies.length; i++) {
        frequencies[i] /= factor;
      }
    }
  }

  /**
   * Low frequencies divided by a factor, high ones kept, those between interpolated. Source: the
   * published code of Llama 3.1.
   *
   * @param low wavelengths above {@code original / low} are divided
   * @param high wavelengths below {@code original / high} are kept
   * @param original tokens of the rows that the model was trained on
   */
  record Llama3(double factor, double low, double high, int original) implements RopeScaling {
    private static final double LOW = 1;
    private static final double HIGH = 4;

    public Llama3 {
      FACTOR.require("model.rope.factor", factor);
      POSITIVE.require("model.rope.low_freq_factor", low);
      POSITIVE.require("model.rope.high_freq_factor", high);
      TOKENS.require("model.rope.original_max_position_embeddings", original);
      Invalid.require(
          high > low,
          "model.rope.high_freq_factor",
          high + " must be greater than low_freq_factor " + low);
    }

    @Override
    public String describe() {
      String waves = low == LOW && high == HIGH ? "" : ", waves %s to %s".formatted(low, high);
      return scaled("llama3", factor, original) + waves;
    }

    @Override
    public void apply(double[] frequencies, double theta) {
      for (int i = 0; i < frequencies.length; i++) {
        double turns = original * frequencies[i] / (2 * Math.PI);
        double kept = Math.clamp((turns - low) / (high - low), 0, 1);
        frequencies[i] *= kept + (1 - kept) / factor;
      }
    }
  }

  /**
   * Frequencies that turn less than {@code betaSlow} times over the original length are divided,
   * those that turn more than {@code betaFast} times kept, those between interpolated by pair;
   * cosine and sine are multiplied by a factor. Source: Peng et al., YaRN, section 3.
   *
   * @param original tokens of the rows that the model was trained on
   * @param truncate whether the ramp between the two starts and ends at whole pairs
   * @param attentionFactor factor on cosine and sine; {@link #usualAttentionFactor} as a rule
   * @param latentScale a of {@link #magnitude} for the scores of latent attention; 0 for none
   */
  record Yarn(
      double factor,
      int original,
      double betaFast,
      double betaSlow,
      boolean truncate,
      double attentionFactor,
      double latentScale)
      implements RopeScaling {
    public static final double BETA_FAST = 32;
    public static final double BETA_SLOW = 1;

    public Yarn {
      FACTOR.require("model.rope.factor", factor);
      TOKENS.require("model.rope.original_max_position_embeddings", original);
      POSITIVE.require("model.rope.beta_fast", betaFast);
      POSITIVE.require("model.rope.beta_slow", betaSlow);
      POSITIVE.require("model.rope.attention_factor", attentionFactor);
      NumberRange.atLeast(0).require("model.rope.mscale_all_dim", latentScale);
      Invalid.require(
          betaFast >= betaSlow,
          "model.rope.beta_fast",
          betaFast + " must be at least beta_slow " + betaSlow);
    }

    /** 0.1·a·ln(factor) + 1. Source: Peng et al., YaRN, eq. 22; a by DeepSeek-V2. */
    public static double magnitude(double factor, double a) {
      return factor <= 1 ? 1 : 0.1 * a * Math.log(factor) + 1;
    }

    /** The factor on cosine and sine of the paper. */
    public static double usualAttentionFactor(double factor) {
      return magnitude(factor, 1);
    }

    @Override
    public String describe() {
      StringBuilder text = new StringBuilder(scaled("yarn", factor, original));
      if (betaFast != BETA_FAST || betaSlow != BETA_SLOW) {
        text.append(", turns %s to %s".formatted(betaSlow, betaFast));
      }
      if (!truncate) {
        text.append(", not truncated");
      }
      if (attentionFactor != usualAttentionFactor(factor)) {
        text.append(String.format(Locale.ROOT, ", attention factor %.4g", attentionFactor));
      }
      if (latentScale != 0) {
        text.append(", latent scale ").append(latentScale);
      }
      return text.toString();
    }

    @Override
    public void apply(double[] frequencies, double theta) {
      int pairs = frequencies.length;
      double from = pairOfTurns(betaFast, pairs, theta);
      double to = pairOfTurns(betaSlow, pairs, theta);
      if (truncate) {
        from = Math.floor(from);
        to = Math.ceil(to);
      }
      from = Math.max(from, 0);
      to = Math.min(to, 2.0 * pairs - 1);
      if (from == to) {
        to += 0.001; // as in the published code
      }
      for (int i = 0; i < pairs; i++) {
        double divided = Math.clamp((i - from) / (to - from), 0, 1);
        frequencies[i] *= divided / factor + (1 - divided);
      }
    }

    /** The pair, not rounded, that turns so often over the original length. */
    private double pairOfTurns(double turns, int pairs, double theta) {
      return pairs * Math.log(original / (turns * 2 * Math.PI)) / Math.log(theta);
    }

    @Override
    public double latentScoreFactor() {
      double m = magnitude(factor, latentScale);
      return m * m;
    }
  }
}
