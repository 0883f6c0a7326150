package dev.gyre.trainer.rank;

import static dev.gyre.trainer.rank.PlainMath.add;
import static dev.gyre.trainer.rank.PlainMath.addScaled;
import static dev.gyre.trainer.rank.PlainMath.linear;
import static dev.gyre.trainer.rank.PlainMath.norm;
import static dev.gyre.trainer.rank.PlainMath.sigmoid;

import dev.gyre.model.Objective;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorNames;
import java.util.Arrays;
import java.util.function.Function;
import java.util.function.IntPredicate;

/** A layer's MLP or experts, in double and straight from their definition. */
final class PlainFeedForward {
  private final ModelSpec model;
  private final int layer;
  private final TensorNames names;
  private final Function<String, double[]> weights;

  PlainFeedForward(ModelSpec model, int layer, Function<String, double[]> weights) {
    this.model = model;
    this.layer = layer;
    this.names = new TensorNames(layer);
    this.weights = weights;
  }

  /**
   * Adds the block's output to the residual stream x [T][d].
   *
   * @return the layer's terms of the objective
   */
  double addTo(double[][] x, Objective objective) {
    return switch (model.feedForward(layer)) {
      case DenseMlp mlp -> {
        for (double[] row : x) {
          add(row, dense(mlp, normed(row)));
        }
        yield 0;
      }
      case MixtureOfExperts mixture -> experts(mixture, x, objective);
    };
  }

  private double[] normed(double[] row) {
    return norm(row, weights.apply(names.feedForwardNorm()), model.normEps());
  }

  private double[] dense(DenseMlp mlp, double[] h) {
    double[] gate = linear(h, weights.apply(names.gate()));
    double[] up = linear(h, weights.apply(names.up()));
    if (mlp.bias()) {
      add(gate, weights.apply(names.gateBias()));
      add(up, weights.apply(names.upBias()));
    }
    double[] y = linear(activated(mlp.activation(), gate, up), weights.apply(names.down()));
    if (mlp.bias()) {
      add(y, weights.apply(names.downBias()));
    }
    return y;
  }

  private double[] expert(MixtureOfExperts mixture, int e, double[] h) {
    double[] gate = linear(h, weights.apply(names.expertGate(e)));
    double[] up = linear(h, weights.apply(names.expertUp(e)));
    if (mixture.bias()) {
      add(gate, weights.apply(names.expertGateBias(e)));
      add(up, weights.apply(names.expertUpBias(e)));
    }
    double[] y =
        linear(activated(mixture.activation(), gate, up), weights.apply(names.expertDown(e)));
    if (mixture.bias()) {
      add(y, weights.apply(names.expertDownBias(e)));
    }
    return y;
  }

  private double[] shared(double[] h) {
    double[] gate = linear(h, weights.apply(names.sharedGate()));
    double[] up = linear(h, weights.apply(names.sharedUp()));
    return linear(activated(new Activation.Swiglu(), gate, up), weights.apply(names.sharedDown()));
  }

  private static double[] activated(Activation activation, double[] gate, double[] up) {
    double[] h = new double[gate.length];
    for (int i = 0; i < h.length; i++) {
      h[i] =
          switch (activation) {
            case Activation.Swiglu() -> gate[i] * sigmoid(gate[i]) * up[i];
            case Activation.ClampedSwiglu(double alpha, double limit) -> {
              double g = Math.min(gate[i], limit);
              yield (Math.clamp(up[i], -limit, limit) + 1) * g * sigmoid(alpha * g);
            }
          };
    }
    return h;
  }

  private double experts(MixtureOfExperts mixture, double[][] x, Objective objective) {
    int experts = mixture.experts();
    double[] choices = new double[experts];
    double[] probabilities = new double[experts];
    double squares = 0;
    for (double[] row : x) {
      double[] h = normed(row);
      double[] logits = linear(h, weights.apply(names.router()));
      double[] of =
          switch (mixture.router()) {
            case RouterSpec.TopK topK -> {
              if (topK.bias()) {
                add(logits, weights.apply(names.routerBias()));
              }
              double sum = Arrays.stream(logits).map(Math::exp).sum();
              squares += Math.log(sum) * Math.log(sum);
              double[] p = Arrays.stream(logits).map(z -> Math.exp(z) / sum).toArray();
              add(probabilities, p);
              yield weightsOf(p, best(p, topK.perToken(), e -> true), topK.renormalised(), 1);
            }
            case RouterSpec.GroupTopK groups -> groupWeights(groups, logits);
          };
      if (mixture.sharedWidth() > 0) {
        add(row, shared(h));
      }
      for (int e = 0; e < experts; e++) {
        if (of[e] > 0) {
          choices[e]++;
          addScaled(row, of[e], expert(mixture, e, h));
        }
      }
    }
    double balance = 0;
    for (int e = 0; e < experts; e++) {
      double share = choices[e] / (x.length * mixture.router().perToken());
      balance += experts * share * probabilities[e] / x.length;
    }
    return objective.coefficient(RouterSpec.TopK.BALANCE) * balance
        + objective.coefficient(RouterSpec.TopK.Z) * squares / x.length;
  }

  private double[] groupWeights(RouterSpec.GroupTopK router, double[] logits) {
    double[] scores = Arrays.stream(logits).map(PlainMath::sigmoid).toArray();
    double[] biased = scores.clone();
    add(biased, weights.apply(names.selectionBias()));
    int size = logits.length / router.groups();
    double[] ofGroup = new double[router.groups()];
    for (int g = 0; g < ofGroup.length; g++) {
      double[] members = PlainMath.part(biased, g * size, size);
      for (int e : best(members, Math.min(2, size), e -> true)) {
        ofGroup[g] += members[e];
      }
    }
    int[] groups = best(ofGroup, router.chosenGroups(), g -> true);
    int[] chosen =
        best(
            biased,
            router.perToken(),
            e -> Arrays.stream(groups).anyMatch(group -> group == e / size));
    return weightsOf(scores, chosen, router.renormalised(), router.scale());
  }

  /** The weight of every expert; 0 of one that is not chosen. */
  private static double[] weightsOf(
      double[] scores, int[] chosen, boolean renormalised, double scale) {
    double sum = Arrays.stream(chosen).mapToDouble(e -> scores[e]).sum();
    double[] of = new double[scores.length];
    for (int e : chosen) {
      of[e] = scale * scores[e] / (renormalised ? sum : 1);
    }
    return of;
  }

  private static int[] best(double[] values, int count, IntPredicate allowed) {
    int[] best = new int[count];
    boolean[] taken = new boolean[values.length];
    for (int n = 0; n < count; n++) {
      best[n] = -1;
      for (int i = 0; i < values.length; i++) {
        if (!taken[i] && allowed.test(i) && (best[n] < 0 || values[i] > values[best[n]])) {
          best[n] = i;
        }
      }
      taken[best[n]] = true;
    }
    return best;
  }
}
