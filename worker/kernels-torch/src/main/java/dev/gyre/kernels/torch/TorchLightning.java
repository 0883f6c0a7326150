package dev.gyre.kernels.torch;

import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.LinearAttentionKernels;
import dev.gyre.kernels.Tensor;
import org.bytedeco.pytorch.Function;

/** Linear attention with decay, one TorchScript call per kernel. */
final class TorchLightning implements LinearAttentionKernels {
  private final TorchCall.Wrapping wrapping;
  private final Function forward;
  private final Function state;
  private final Function backward;

  TorchLightning(Functions functions, TorchCall.Wrapping wrapping) {
    this.wrapping = wrapping;
    this.forward = functions.get("linear_attention");
    this.state = functions.get("linear_attention_state");
    this.backward = functions.get("linear_attention_backward");
  }

  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    try (TorchCall call = new TorchCall(wrapping)) {
      with(call.read(q).read(k).read(v), pattern).update(state).overwrite(out).run(forward);
    }
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean reverse, Tensor of) {
    try (TorchCall call = new TorchCall(wrapping)) {
      with(call.read(a).read(b), pattern).flag(reverse).update(of).run(state);
    }
  }

  @Override
  public void linearAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    try (TorchCall call = new TorchCall(wrapping)) {
      with(call.read(q).read(k).read(v), pattern)
          .read(state)
          .read(dOut)
          .update(dState)
          .update(dq)
          .update(dk)
          .update(dv)
          .run(backward);
    }
  }

  /** Adds key/value heads, slopes and document starts to a call. */
  private static TorchCall with(TorchCall call, DecayPattern pattern) {
    int[] kvHeadOf = new int[pattern.heads()];
    double[] slopes = new double[pattern.heads()];
    for (int h = 0; h < slopes.length; h++) {
      kvHeadOf[h] = pattern.kvHeadOf(h);
      slopes[h] = pattern.slope(h);
    }
    int[] resets = new int[pattern.resets()];
    for (int i = 0; i < resets.length; i++) {
      resets[i] = pattern.reset(i);
    }
    return call.ints(kvHeadOf).reals(slopes).ints(resets);
  }
}
