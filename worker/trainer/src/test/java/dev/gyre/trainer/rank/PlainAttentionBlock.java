package dev.gyre.trainer.rank;

import static dev.gyre.trainer.rank.PlainMath.add;
import static dev.gyre.trainer.rank.PlainMath.linear;
import static dev.gyre.trainer.rank.PlainMath.norm;
import static dev.gyre.trainer.rank.PlainMath.part;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.MixerSpec.Softmax;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import java.util.function.Function;

/** A layer's softmax attention over a row, in double and straight from its definition. */
final class PlainAttentionBlock {
  private final ModelSpec model;
  private final Documents documents;
  private final TensorNames names;
  private final Function<String, double[]> weights;
  private final Softmax spec;
  private final int size;
  private final double[] frequencies;

  PlainAttentionBlock(
      ModelSpec model, Documents documents, int layer, Function<String, double[]> weights) {
    this.model = model;
    this.documents = documents;
    this.names = new TensorNames(layer);
    this.weights = weights;
    this.spec = (Softmax) model.mixer(layer);
    this.size = spec.heads().size();
    this.frequencies = spec.rope().frequencies(spec.rotated());
  }

  /** One token's queries [H·D], keys [K·D] and values [K·valueSize]. */
  private record Projected(double[] q, double[] k, double[] v, int valueSize) {}

  /** Adds the block's output to the residual stream x [T][d]. */
  void addTo(double[][] x) {
    Projected[] projected = new Projected[x.length];
    for (int t = 0; t < x.length; t++) {
      double[] h = norm(x[t], weights.apply(names.mixerNorm()), model.normEps());
      projected[t] =
          switch (spec) {
            case SoftmaxAttention softmax -> project(softmax, h, t);
            case LatentAttention latent -> project(latent, h, t);
          };
    }
    boolean bias =
        switch (spec) {
          case SoftmaxAttention softmax -> softmax.features().outputBias();
          case LatentAttention latent -> latent.bias();
        };
    for (int t = 0; t < x.length; t++) {
      add(x[t], linear(attend(projected, t), weights.apply(names.attentionOutput())));
      if (bias) {
        add(x[t], weights.apply(names.attentionOutputBias()));
      }
    }
  }

  private double[] attend(Projected[] of, int query) {
    int[] kvHeadOf = spec.heads().kvHeadOf();
    int valueSize = of[query].valueSize;
    double[] out = new double[kvHeadOf.length * valueSize];
    double scale = scale();
    double[] sinks =
        spec instanceof SoftmaxAttention softmax && softmax.features().sinkLogits()
            ? weights.apply(names.sinkLogits())
            : new double[0];
    for (int head = 0; head < kvHeadOf.length; head++) {
      double[] p = new double[of.length];
      double sum = sinks.length == 0 ? 0 : Math.exp(sinks[head]);
      for (int key = 0; key < of.length; key++) {
        if (sees(spec.mask(), query, key)) {
          double score = 0;
          for (int e = 0; e < size; e++) {
            score += of[query].q[head * size + e] * of[key].k[kvHeadOf[head] * size + e];
          }
          p[key] = Math.exp(scale * score);
          sum += p[key];
        }
      }
      for (int key = 0; key < of.length; key++) {
        for (int e = 0; e < valueSize; e++) {
          out[head * valueSize + e] += p[key] / sum * of[key].v[kvHeadOf[head] * valueSize + e];
        }
      }
    }
    return out;
  }

  private double scale() {
    double factor =
        switch (spec) {
          case SoftmaxAttention _ -> 1;
          case LatentAttention latent -> latent.rope().scaling().latentScoreFactor();
        };
    return factor / Math.sqrt(size);
  }

  private Projected project(SoftmaxAttention softmax, double[] h, int token) {
    double[] q = linear(h, weights.apply(names.query()));
    double[] k = linear(h, weights.apply(names.key()));
    double[] v = linear(h, weights.apply(names.value()));
    if (softmax.features().inputBias()) {
      add(q, weights.apply(names.queryBias()));
      add(k, weights.apply(names.keyBias()));
      add(v, weights.apply(names.valueBias()));
    }
    if (softmax.features().qkNorm() != QkNorm.NONE) {
      q = norm(q, weights.apply(names.queryNorm()), model.normEps());
      k = norm(k, weights.apply(names.keyNorm()), model.normEps());
    }
    double clip = softmax.features().clip();
    if (clip > 0) {
      for (double[] values : new double[][] {q, k, v}) {
        for (int i = 0; i < values.length; i++) {
          values[i] = Math.clamp(values[i], -clip, clip);
        }
      }
    }
    return new Projected(rotated(q, size, token), rotated(k, size, token), v, size);
  }

  /** A key is the head's own part, then the rotated part that all heads share. */
  private Projected project(LatentAttention latent, double[] h, int token) {
    double eps = LatentAttention.NORM_EPS;
    double[] ofQueries = h;
    if (latent.queryRank() > 0) {
      ofQueries = linear(h, weights.apply(names.queryDown()));
      if (latent.bias()) {
        add(ofQueries, weights.apply(names.queryDownBias()));
      }
      ofQueries = norm(ofQueries, weights.apply(names.queryLatentNorm()), eps);
    }
    double[] q = rotated(linear(ofQueries, weights.apply(names.query())), size, token);
    double[] down = linear(h, weights.apply(names.keyValueDown()));
    if (latent.bias()) {
      add(down, weights.apply(names.keyValueDownBias()));
    }
    int rank = latent.keyValueRank();
    double[] shared = rotated(part(down, rank, latent.rotated()), latent.rotated(), token);
    double[] normed = norm(part(down, 0, rank), weights.apply(names.keyValueLatentNorm()), eps);
    double[] both = linear(normed, weights.apply(names.keyValueUp()));
    int heads = latent.heads().queries();
    int own = latent.unrotated();
    int valueSize = latent.valueSize();
    double[] k = new double[heads * size];
    double[] v = new double[heads * valueSize];
    for (int head = 0; head < heads; head++) {
      int from = head * (own + valueSize);
      System.arraycopy(both, from, k, head * size, own);
      System.arraycopy(shared, 0, k, head * size + own, shared.length);
      System.arraycopy(both, from + own, v, head * valueSize, valueSize);
    }
    return new Projected(q, k, v, valueSize);
  }

  /** The row's first token is the first of every document, if there is an anchor. */
  private boolean sees(AttentionMask mask, int query, int key) {
    int document = documents.documentOf(query);
    boolean anchor = mask.anchor() && key == 0;
    if (anchor || documents.documentOf(key) != document) {
      return anchor;
    }
    int p = query - documents.start(document);
    int s = key - documents.start(document);
    boolean near = mask.window() == 0 || p - s < mask.window() || s < mask.sinks();
    return (s <= p && near) || Math.max(p, s) < mask.prefix();
  }

  /** Rotates the last elements of each head. */
  private double[] rotated(double[] x, int headSize, int token) {
    int document = documents.documentOf(token);
    boolean behindAnchor = model.anchor() && document > 0;
    int position = token - documents.start(document) + (behindAnchor ? 1 : 0);
    double factor = spec.rope().scaling().attentionFactor();
    int half = spec.rotated() / 2;
    double[] y = x.clone();
    for (int from = headSize - 2 * half; from < x.length; from += headSize) {
      for (int i = 0; i < half; i++) {
        double cosine = factor * Math.cos(position * frequencies[i]);
        double sine = factor * Math.sin(position * frequencies[i]);
        y[from + i] = x[from + i] * cosine - x[from + i + half] * sine;
        y[from + i + half] = x[from + i + half] * cosine + x[from + i] * sine;
      }
    }
    return y;
  }
}
