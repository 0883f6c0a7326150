package dev.gyre.kernels.vector;

import dev.gyre.kernels.AttentionKernels;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.scalar.ScalarKernels;

/** Attention in blocks if those support the call, else by the scalar kernels. */
final class HostAttention implements AttentionKernels {
  private final FlashAttention flash;
  private final SinkRows sinks;
  private final SinkBackwardRows sinksBackward;
  private final AttentionDeltaRows attentionDelta;
  private final AttentionKernels scalar = ScalarKernels.create();

  HostAttention(FlashAttention flash, RowThreads threads, Scratch scratch) {
    this.flash = flash;
    sinks = new SinkRows(threads);
    sinksBackward = new SinkBackwardRows(threads, scratch);
    attentionDelta = new AttentionDeltaRows(threads);
  }

  @Override
  public void attention(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor out,
      Tensor lse) {
    if (FlashAttention.takes(q, scale)) {
      flash.forward(q, k, v, kvHeadOf, tiles, scale, out, lse);
    } else {
      scalar.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
    }
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    FlashAttention.merge(outB, lseB, out, lse);
  }

  @Override
  public void attentionSinks(Tensor sinks, Tensor out, Tensor lse) {
    this.sinks.run(sinks, out, lse);
  }

  @Override
  public void attentionSinksBackward(Tensor sinks, Tensor lse, Tensor delta, Tensor dsinks) {
    sinksBackward.run(sinks, lse, delta, dsinks);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    attentionDelta.run(out, dOut, delta);
  }

  @Override
  public void attentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      int[] kvHeadOf,
      AttentionTiles tiles,
      float scale,
      Tensor dOut,
      Tensor lse,
      Tensor delta,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    if (FlashAttention.takes(q, scale)) {
      flash.backward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    } else {
      scalar.attentionBackward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    }
  }
}
