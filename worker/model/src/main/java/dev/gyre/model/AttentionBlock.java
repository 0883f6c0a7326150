package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;

/** norm → q, k, v → rope → attention over the row → output projection onto the residual. */
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
    boolean read = ops.attentionReadsInputs();
    Variable q = ops.linear(h, names.query(), hidden, read, DType.F32, heads, headDim);
    Variable k = ops.linear(h, names.key(), hidden, read, DType.F32, kvHeads, headDim);
    Variable v = ops.linear(h, names.value(), hidden, read, DType.F32, kvHeads, headDim);
    Tensor rope = pass.ropeTable(spec.rope());
    ops.rope(q, rope);
    ops.rope(k, rope);
    Variable out = ops.attention(pass.sequence(), q, k, v, spec.mask());
    ops.linearToResidual(out, names.attentionOutput(), heads * headDim, x, next);
  }
}
