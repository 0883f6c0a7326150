package dev.gyre.trainer.rank;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import java.util.Map;

/**
 * The loss of a dense decoder on one row, in double and straight from its definition: every query
 * checks for every key whether it sees it. Gradients are finite differences.
 */
final class PlainDecoder {
  private final ModelSpec model;
  private final Documents documents;
  private final int[] tokens;
  private final int[] labels;
  private final Map<String, double[]> weights;

  PlainDecoder(
      ModelSpec model,
      Documents documents,
      int[] tokens,
      int[] labels,
      Map<String, double[]> weights) {
    this.model = model;
    this.documents = documents;
    this.tokens = tokens;
    this.labels = labels;
    this.weights = weights;
  }

  /** Central differences; for a double loss with this step they are accurate to about 1e-9. */
  double[] gradient(String name) {
    double step = 1e-5;
    double[] weight = weight(name);
    double[] gradient = new double[weight.length];
    for (int i = 0; i < weight.length; i++) {
      double kept = weight[i];
      weight[i] = kept + step;
      double above = loss();
      weight[i] = kept - step;
      gradient[i] = (above - loss()) / (2 * step);
      weight[i] = kept;
    }
    return gradient;
  }

  private double[] weight(String name) {
    double[] values = weights.get(name);
    if (values == null) {
      throw new IllegalArgumentException(name);
    }
    return values;
  }

  /** Mean nats of the labelled tokens. */
  double loss() {
    int width = model.width();
    double[][] x = new double[tokens.length][];
    double[] embedding = weight(TensorNames.EMBEDDING);
    for (int t = 0; t < tokens.length; t++) {
      x[t] = java.util.Arrays.copyOfRange(embedding, tokens[t] * width, (tokens[t] + 1) * width);
    }
    for (int layer = 0; layer < model.depth(); layer++) {
      TensorNames names = new TensorNames(layer);
      attention(x, names, ((SoftmaxAttention) model.mixer(layer)).mask());
      for (double[] row : x) {
        double[] h = norm(row, weight(names.feedForwardNorm()));
        double[] gate = linear(h, weight(names.gate()));
        double[] up = linear(h, weight(names.up()));
        for (int i = 0; i < gate.length; i++) {
          gate[i] = gate[i] / (1 + Math.exp(-gate[i])) * up[i];
        }
        add(row, linear(gate, weight(names.down())));
      }
    }
    double nats = 0;
    int labelled = 0;
    for (int t = 0; t < tokens.length; t++) {
      if (labels[t] >= 0) {
        double[] logits =
            linear(norm(x[t], weight(TensorNames.FINAL_NORM)), weight(TensorNames.HEAD));
        double sum = 0;
        for (double z : logits) {
          sum += Math.exp(z);
        }
        nats += Math.log(sum) - logits[labels[t]];
        labelled++;
      }
    }
    return nats / labelled;
  }

  private void attention(double[][] x, TensorNames names, AttentionMask mask) {
    int size = model.heads().size();
    double[][] q = new double[tokens.length][];
    double[][] k = new double[tokens.length][];
    double[][] v = new double[tokens.length][];
    for (int t = 0; t < tokens.length; t++) {
      double[] h = norm(x[t], weight(names.mixerNorm()));
      q[t] = rotated(linear(h, weight(names.query())), t);
      k[t] = rotated(linear(h, weight(names.key())), t);
      v[t] = linear(h, weight(names.value()));
    }
    int[] kvHeadOf = model.heads().kvHeadOf();
    for (int i = 0; i < tokens.length; i++) {
      double[] out = new double[q[i].length];
      for (int head = 0; head < kvHeadOf.length; head++) {
        int kv = kvHeadOf[head] * size;
        double[] p = new double[tokens.length];
        double sum = 0;
        for (int j = 0; j < tokens.length; j++) {
          if (sees(mask, i, j)) {
            double score = 0;
            for (int e = 0; e < size; e++) {
              score += q[i][head * size + e] * k[j][kv + e];
            }
            p[j] = Math.exp(score / Math.sqrt(size));
            sum += p[j];
          }
        }
        for (int j = 0; j < tokens.length; j++) {
          for (int e = 0; e < size; e++) {
            out[head * size + e] += p[j] / sum * v[j][kv + e];
          }
        }
      }
      // x[i] may change now: the keys and values of all tokens are already computed.
      add(x[i], linear(out, weight(names.attentionOutput())));
    }
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

  private double[] rotated(double[] x, int token) {
    int document = documents.documentOf(token);
    boolean behindAnchor = model.anchor() && document > 0;
    int position = token - documents.start(document) + (behindAnchor ? 1 : 0);
    int size = model.heads().size();
    double[] y = new double[x.length];
    for (int head = 0; head < x.length; head += size) {
      for (int i = 0; i < size / 2; i++) {
        double angle =
            position
                * Math.pow(((SoftmaxAttention) model.mixer(0)).rope().theta(), -2.0 * i / size);
        double a = x[head + i];
        double b = x[head + i + size / 2];
        y[head + i] = a * Math.cos(angle) - b * Math.sin(angle);
        y[head + i + size / 2] = b * Math.cos(angle) + a * Math.sin(angle);
      }
    }
    return y;
  }

  private double[] norm(double[] x, double[] weight) {
    double squares = 0;
    for (double value : x) {
      squares += value * value;
    }
    double scale = 1 / Math.sqrt(squares / x.length + model.normEps());
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      y[i] = x[i] * scale * weight[i];
    }
    return y;
  }

  private static double[] linear(double[] x, double[] weight) {
    double[] y = new double[weight.length / x.length];
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  private static void add(double[] x, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += y[i];
    }
  }
}
