package dev.gyre.kernels.torch;

import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Tensor;
import java.util.Arrays;
import org.bytedeco.pytorch.Function;

/** Linear attention, one call for all chunks of all heads. */
final class TorchLightning {
  /** Tokens of a chunk: its scores are about as much work as its share of the states. */
  private static final int CHUNK = 128;

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

  void forward(Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor from, Tensor out) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.tensor(q).tensor(k).tensor(v);
      add(call, pattern, q.dim(0)).tensor(from).tensor(out).run(forward);
    }
  }

  void state(Tensor a, Tensor b, DecayPattern pattern, boolean backwards, Tensor of) {
    try (TorchCall call = new TorchCall(wrapping)) {
      add(call.tensor(a).tensor(b), pattern, a.dim(0)).flag(backwards).tensor(of).run(state);
    }
  }

  /** What the backward pass reads besides its gradients. */
  record Inputs(Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor dOut) {}

  void backward(Inputs in, Tensor dState, Tensor dq, Tensor dk, Tensor dv) {
    try (TorchCall call = new TorchCall(wrapping)) {
      add(call.tensor(in.q).tensor(in.k).tensor(in.v), in.pattern, in.q.dim(0))
          .tensor(in.state)
          .tensor(in.dOut)
          .tensor(dState)
          .tensor(dq)
          .tensor(dk)
          .tensor(dv)
          .run(backward);
    }
  }

  private static TorchCall add(TorchCall call, DecayPattern pattern, long tokens) {
    int[] kvHeadOf = new int[pattern.heads()];
    double[] slopes = new double[pattern.heads()];
    for (int h = 0; h < slopes.length; h++) {
      kvHeadOf[h] = pattern.kvHeadOf(h);
      slopes[h] = pattern.slope(h);
    }
    return call.ints(chunks(pattern, Math.toIntExact(tokens))).ints(kvHeadOf).reals(slopes);
  }

  /** First token, count, and whether a document starts there; no chunk spans two documents. */
  static int[] chunks(DecayPattern pattern, int tokens) {
    int[] packed = new int[3 * (tokens / CHUNK + pattern.resets() + 1)];
    int used = 0;
    int reset = 0;
    for (int at = 0; at < tokens; ) {
      boolean fresh = reset < pattern.resets() && pattern.reset(reset) == at;
      reset += fresh ? 1 : 0;
      int end = reset < pattern.resets() ? pattern.reset(reset) : tokens;
      int count = Math.min(CHUNK, end - at);
      packed[used++] = at;
      packed[used++] = count;
      packed[used++] = fresh ? 1 : 0;
      at += count;
    }
    return Arrays.copyOf(packed, used);
  }
}
