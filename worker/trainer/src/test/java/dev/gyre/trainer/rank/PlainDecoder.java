package dev.gyre.trainer.rank;

import static dev.gyre.trainer.rank.PlainMath.linear;
import static dev.gyre.trainer.rank.PlainMath.norm;
import static dev.gyre.trainer.rank.PlainMath.part;

import dev.gyre.model.Objective;
import dev.gyre.model.local.LayerModel;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorNames;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.trainer.rank.OneStep.Row;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The objective of a decoder with softmax attention on one row, in double and straight from its
 * definition: every query checks for every key whether it sees it. Gradients are finite
 * differences.
 */
final class PlainDecoder {
  private final ModelSpec model;
  private final Objective objective;
  private final Documents documents;
  private final int[] tokens;
  private final int[] labels;
  private final Map<String, double[]> weights = new LinkedHashMap<>();

  /** With the weights of {@link LayerModel}. */
  PlainDecoder(ModelSpec model, Objective objective, Row row) {
    this.model = model;
    this.objective = objective;
    this.documents = row.documents();
    this.tokens = row.tokens();
    this.labels = row.labels();
    for (TensorSpec tensor : model.tensors()) {
      weights.put(tensor.name(), OneStep.doubles(LayerModel.weights(tensor)));
    }
  }

  /** By name of the tensor. */
  Map<String, double[]> gradients() {
    Map<String, double[]> gradients = new LinkedHashMap<>();
    for (TensorSpec tensor : model.tensors()) {
      double[] none = new double[(int) tensor.elements()];
      gradients.put(tensor.name(), tensor.trained() ? gradient(tensor.name()) : none);
    }
    return gradients;
  }

  /** Central differences; for a double loss with this step they are accurate to about 1e-9. */
  private double[] gradient(String name) {
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

  /** Mean nats of the labelled tokens, plus the terms of the routers. */
  double loss() {
    int width = model.width();
    double[][] x = new double[tokens.length][];
    double[] embedding = weight(TensorNames.EMBEDDING);
    for (int t = 0; t < tokens.length; t++) {
      x[t] = part(embedding, tokens[t] * width, width);
    }
    double terms = 0;
    for (int layer = 0; layer < model.depth(); layer++) {
      new PlainAttentionBlock(model, documents, layer, this::weight).addTo(x);
      terms += new PlainFeedForward(model, layer, this::weight).addTo(x, objective);
    }
    double nats = 0;
    int labelled = 0;
    for (int t = 0; t < tokens.length; t++) {
      if (labels[t] >= 0) {
        double[] normed = norm(x[t], weight(TensorNames.FINAL_NORM), model.normEps());
        double[] logits = linear(normed, weight(TensorNames.HEAD));
        double sum = 0;
        for (double z : logits) {
          sum += Math.exp(z);
        }
        nats += Math.log(sum) - logits[labels[t]];
        labelled++;
      }
    }
    return nats / labelled + terms;
  }
}
