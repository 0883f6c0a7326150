package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.model.port.SequenceGroup;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.job.ModelSpec;

/** norm → q, k, v → rope → attention over the row → output projection onto the residual. */
final class AttentionBlock extends Block {
  private final SequenceGroup sequence;

  AttentionBlock(Ops ops, ModelSpec model, SequenceGroup sequence, int layer) {
    super(ops, model, layer, ModelPhase.ATTENTION, ModelPhase.ATTENTION_BACKWARD);
    this.sequence = sequence;
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    long hidden = model.hiddenSize();
    long heads = model.numAttentionHeads();
    long kvHeads = model.numKeyValueHeads();
    long headDim = model.headDim();
    Variable h = ops.rmsNorm(x, names.inputNorm(), model.rmsNormEps());
    boolean read = ops.attentionReadsInputs();
    Variable q = ops.linear(h, names.query(), hidden, read, DType.F32, heads, headDim);
    Variable k = ops.linear(h, names.key(), hidden, read, DType.F32, kvHeads, headDim);
    Variable v = ops.linear(h, names.value(), hidden, read, DType.F32, kvHeads, headDim);
    ops.rope(q, pass.ropeTable());
    ops.rope(k, pass.ropeTable());
    Variable out = ops.attention(sequence, q, k, v, model.mask(layer));
    ops.linearToResidual(out, names.attentionOutput(), heads * headDim, x, next);
  }
}
