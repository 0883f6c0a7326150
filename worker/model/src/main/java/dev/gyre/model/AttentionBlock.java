package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.AttentionFeatures.QkNorm;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;

/**
 * norm → q, k, v, normed and bounded if the model does → rope → attention over the row → output
 * projection onto the residual.
 */
final class AttentionBlock extends Block {
  private final SoftmaxAttention spec;

  AttentionBlock(Ops ops, ModelSpec model, SoftmaxAttention spec, int layer) {
    super(ops, model, layer, ModelPhase.ATTENTION, ModelPhase.ATTENTION_BACKWARD);
    this.spec = spec;
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    long hidden = model.width();
    long heads = spec.heads().queries();
    long kvHeads = spec.heads().keyValues();
    long headDim = spec.heads().size();
    Variable h = ops.rmsNorm(x, names.mixerNorm(), model.normEps());
    // Norm and bound read their input in backward.
    boolean clips = spec.features().clip() > 0;
    boolean read = ops.attentionReadsInputs() || clips;
    boolean readNormed = read || spec.features().qkNorm() != QkNorm.NONE;
    Variable q = ops.linear(h, names.query(), hidden, readNormed, DType.F32, heads, headDim);
    Variable k = ops.linear(h, names.key(), hidden, readNormed, DType.F32, kvHeads, headDim);
    Variable v = ops.linear(h, names.value(), hidden, read, DType.F32, kvHeads, headDim);
    if (spec.features().inputBias()) {
      ops.bias(q, names.queryBias(), heads * headDim);
      ops.bias(k, names.keyBias(), kvHeads * headDim);
      ops.bias(v, names.valueBias(), kvHeads * headDim);
    }
    q = normed(q, names.queryNorm(), heads * headDim);
    k = normed(k, names.keyNorm(), kvHeads * headDim);
    if (clips) {
      q = ops.clamp(q, spec.features().clip());
      k = ops.clamp(k, spec.features().clip());
      v = ops.clamp(v, spec.features().clip());
    }
    Tensor rope = pass.ropeTable(spec.rotation());
    ops.rope(q, rope);
    ops.rope(k, rope);
    double scale = spec.heads().scoreScale();
    String sinks = spec.features().sinkLogits() ? names.sinkLogits() : null;
    Variable out = ops.attention(pass.sequence(), q, k, v, spec.mask(), scale, sinks);
    ops.carry(x, next);
    ops.addLinear(out, names.attentionOutput(), heads * headDim, next);
    if (spec.features().outputBias()) {
      ops.addBias(names.attentionOutputBias(), next);
    }
  }

  private Variable normed(Variable x, String weight, long tokenWidth) {
    return switch (spec.features().qkNorm()) {
      case NONE -> x;
      case HEAD -> ops.rmsNorm(x, weight, spec.heads().size(), model.normEps());
      case TOKEN -> ops.rmsNorm(x, weight, tokenWidth, model.normEps());
    };
  }
}
