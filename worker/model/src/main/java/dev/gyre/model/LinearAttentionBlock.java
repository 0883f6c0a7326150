package dev.gyre.model;

import dev.gyre.kernels.DType;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.MixerSpec.LinearAttention;
import dev.gyre.partitioning.model.ModelSpec;

/**
 * norm → silu(q), silu(k), v → linear attention with decay over the row → norm → output projection
 * onto the residual.
 *
 * <p>The decay encodes distance, so there is no rotary embedding. The output is an unbounded sum,
 * not an average as in softmax attention, so it is normed, over all heads together as in the
 * published models. A norm per head would turn the output of a document's first token, (q·k)·v,
 * into ±v, with a jump where q·k changes sign. Source: Qin et al., TransNormerLLM, section 3
 * (without its gate on the output), and Lightning Attention-2.
 */
final class LinearAttentionBlock extends Block {
  private final LinearAttention spec;
  private final float[] slopes;

  LinearAttentionBlock(Ops ops, ModelSpec model, LinearAttention spec, int layer) {
    super(ops, model, layer, ModelPhase.ATTENTION, ModelPhase.ATTENTION_BACKWARD);
    this.spec = spec;
    this.slopes = slopes(spec.heads().queries(), layer, model.depth());
  }

  /**
   * Decay rate of each head: a token n positions back counts exp(−s·n) with s of head h (from 0) of
   * H in layer l (from 0) of L
   *
   * <pre>s = 2^(−8(h+1)/H) · (1 − l/(L−1) + 10⁻⁵)</pre>
   *
   * with 1 + 10⁻⁵ in place of the bracket for a single layer. In the first layer heads see from one
   * token to a few hundred back, in the last layer everything. Source: the published code of
   * Lightning Attention-2 and MiniMax-01; the powers are ALiBi's, here for any H.
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
    long hidden = model.width();
    long heads = spec.heads().queries();
    long kvHeads = spec.heads().keyValues();
    long headDim = spec.heads().size();
    Variable h = ops.rmsNorm(x, names.mixerNorm(), model.normEps());
    Variable q = ops.silu(ops.linear(h, names.query(), hidden, DType.F32, heads, headDim));
    Variable k = ops.silu(ops.linear(h, names.key(), hidden, DType.F32, kvHeads, headDim));
    Variable v = ops.linear(h, names.value(), hidden, DType.F32, kvHeads, headDim);
    Variable out = ops.linearAttention(pass.sequence(), q, k, v, slopes);
    long width = heads * headDim;
    Variable normed = ops.rmsNorm(out, names.attentionNorm(), width, model.normEps());
    ops.carry(x, next);
    ops.addLinear(normed, names.attentionOutput(), width, next);
  }
}
