package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.model.port.SequenceGroup;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.job.ModelSpec;

/**
 * norm → silu(q), silu(k), v → linear attention with decay over the row → norm → output projection
 * onto the residual.
 *
 * <p>The decay tells how far back a token is, so there is no rotation. Sums of unbounded size take
 * the place of softmax's averages, so the output is normed, over all heads together as in the
 * published models: a document's first token has (q·k)·v for an output, which a norm of each head
 * alone would turn into ±v, with a jump where q·k changes sign. Source: Qin et al., TransNormerLLM,
 * section 3 (without its gate on the output), and Lightning Attention-2.
 */
final class LinearAttentionBlock extends Block {
  private final SequenceGroup sequence;
  private final float[] slopes;

  LinearAttentionBlock(Ops ops, ModelSpec model, SequenceGroup sequence, int layer) {
    super(ops, model, layer, ModelPhase.ATTENTION, ModelPhase.ATTENTION_BACKWARD);
    this.sequence = sequence;
    this.slopes = slopes(model.numAttentionHeads(), layer, model.numHiddenLayers());
  }

  /**
   * How fast each head forgets: a token n positions back counts exp(−s·n) with s of head h (from 0)
   * of H in layer l (from 0) of L
   *
   * <pre>s = 2^(−8(h+1)/H) · (1 − l/(L−1) + 10⁻⁵)</pre>
   *
   * and the bracket 1 + 10⁻⁵ for a single layer: heads see from a token to a few hundred far in the
   * first layer and everything in the last. Source: the published code of Lightning Attention-2 and
   * MiniMax-01; the powers are ALiBi's, here for any H.
   */
  static float[] slopes(int heads, int layer, int layers) {
    double ofLayer = (layers == 1 ? 1 : 1 - layer / (layers - 1.0)) + 1e-5;
    float[] slopes = new float[heads];
    for (int h = 0; h < heads; h++) {
      slopes[h] = (float) (StrictMath.pow(2, -8.0 * (h + 1) / heads) * ofLayer);
    }
    return slopes;
  }

  @Override
  void forward(Variable x, Variable next, PassContext pass) {
    long hidden = model.hiddenSize();
    long heads = model.numAttentionHeads();
    long kvHeads = model.numKeyValueHeads();
    long headDim = model.headDim();
    Variable h = ops.rmsNorm(x, names.inputNorm(), model.rmsNormEps());
    Variable q = ops.silu(ops.linear(h, names.query(), hidden, DType.F32, heads, headDim));
    Variable k = ops.silu(ops.linear(h, names.key(), hidden, DType.F32, kvHeads, headDim));
    Variable v = ops.linear(h, names.value(), hidden, DType.F32, kvHeads, headDim);
    Variable out = ops.linearAttention(sequence, q, k, v, slopes);
    long width = heads * headDim;
    Variable normed = ops.rmsNorm(out, names.outputNorm(), width, model.rmsNormEps());
    ops.linearToResidual(normed, names.attentionOutput(), width, x, next);
  }
}
