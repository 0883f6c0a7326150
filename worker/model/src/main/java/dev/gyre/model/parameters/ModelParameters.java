package dev.gyre.model.parameters;

import dev.gyre.model.parameters.ParameterSpec.Precision;
import dev.gyre.partitioning.job.ModelSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * All weights of a model in their canonical order.
 *
 * <p>A store that holds its tensors contiguously in this order, without gaps between tensors of one
 * precision, can return every view the model asks for: of each layer first all experts' (w1, w3)
 * pairs [E,2F,H], then all w2 [E,H,F]; of a dense layer gate and up [2F,H]. That is also true for a
 * list with only a run of consecutive experts.
 */
public final class ModelParameters {
  private ModelParameters() {}

  /** Every weight of the model. */
  public static List<ParameterSpec> of(ModelSpec model) {
    return held(model, 0, model.numLocalExperts());
  }

  /** The dense weights and those of experts {@code [firstExpert, firstExpert + experts)}. */
  public static List<ParameterSpec> held(ModelSpec model, int firstExpert, int experts) {
    List<ParameterSpec> list = new ArrayList<>();
    long hidden = model.hiddenSize();
    list.add(
        new ParameterSpec(
            ParameterNames.EMBEDDING,
            new long[] {model.vocabSize(), hidden},
            Precision.COMPUTE,
            -1,
            -1,
            false,
            normal(model, hidden)));
    for (int layer = 0; layer < model.numHiddenLayers(); layer++) {
      addAttention(list, model, layer);
      if (model.isMoe(layer)) {
        addExperts(list, model, layer, firstExpert, experts);
      } else {
        addMlp(list, model, layer);
      }
    }
    list.add(norm(ParameterNames.FINAL_NORM, -1, hidden));
    if (!model.tieWordEmbeddings()) {
      list.add(matrix(model, ParameterNames.HEAD, -1, -1, model.vocabSize(), hidden));
    }
    return List.copyOf(list);
  }

  private static void addAttention(List<ParameterSpec> list, ModelSpec model, int layer) {
    ParameterNames names = new ParameterNames(layer);
    long hidden = model.hiddenSize();
    long queries = (long) model.numAttentionHeads() * model.headDim();
    long keys = (long) model.numKeyValueHeads() * model.headDim();
    list.add(norm(names.inputNorm(), layer, hidden));
    list.add(matrix(model, names.query(), layer, -1, queries, hidden));
    list.add(matrix(model, names.key(), layer, -1, keys, hidden));
    list.add(matrix(model, names.value(), layer, -1, keys, hidden));
    if (model.isLinear(layer)) {
      list.add(norm(names.outputNorm(), layer, queries));
    }
    list.add(matrix(model, names.attentionOutput(), layer, -1, hidden, queries));
    list.add(norm(names.postAttentionNorm(), layer, hidden));
  }

  private static void addMlp(List<ParameterSpec> list, ModelSpec model, int layer) {
    ParameterNames names = new ParameterNames(layer);
    long hidden = model.hiddenSize();
    long width = model.intermediateSize();
    list.add(matrix(model, names.gate(), layer, -1, width, hidden));
    list.add(matrix(model, names.up(), layer, -1, width, hidden));
    list.add(matrix(model, names.down(), layer, -1, hidden, width));
  }

  private static void addExperts(
      List<ParameterSpec> list, ModelSpec model, int layer, int first, int count) {
    ParameterNames names = new ParameterNames(layer);
    long hidden = model.hiddenSize();
    long width = model.intermediateSize();
    list.add(
        new ParameterSpec(
            names.router(),
            new long[] {model.numLocalExperts(), hidden},
            Precision.F32,
            layer,
            -1,
            true,
            normal(model, hidden)));
    for (int e = first; e < first + count; e++) {
      list.add(matrix(model, names.expertGate(e), layer, e, width, hidden));
      list.add(matrix(model, names.expertUp(e), layer, e, width, hidden));
    }
    for (int e = first; e < first + count; e++) {
      list.add(matrix(model, names.expertDown(e), layer, e, hidden, width));
    }
  }

  private static ParameterSpec norm(String name, int layer, long width) {
    return new ParameterSpec(
        name, new long[] {width}, Precision.F32, layer, -1, false, new Initialiser.Ones());
  }

  private static ParameterSpec matrix(
      ModelSpec model, String name, int layer, int expert, long out, long in) {
    return new ParameterSpec(
        name, new long[] {out, in}, Precision.COMPUTE, layer, expert, true, normal(model, in));
  }

  private static Initialiser normal(ModelSpec model, long fanIn) {
    double range = model.initializerRange();
    return new Initialiser.Normal(range > 0 ? range : 1 / Math.sqrt((double) fanIn));
  }
}
