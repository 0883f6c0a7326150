package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.ScalarKernels;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/** Checks every call and hands it to the loops that compute it. */
final class HostKernels implements Kernels {
  /** Elements of a long run handled by one call of a primitive, which counts in int. */
  private static final int RUN = 1 << 20;

  private final Scratch scratch;
  private final LinearProducts linears;
  private final FlashAttention flash;
  private final LightningAttention lightning;
  private final AddRows add;
  private final RmsNormRows rmsNorm;
  private final RmsNormBackwardRows rmsNormBackward;
  private final RopeRows rope;
  private final SwigluRows swiglu;
  private final SwigluBackwardRows swigluBackward;
  private final SiluRows silu;
  private final SiluBackwardRows siluBackward;
  private final AttentionDeltaRows attentionDelta;
  private final TopKRows topK;
  private final TopKBackwardRows topKBackward;
  private final CombineRows combine;
  private final CombineBackwardRows combineBackward;
  private final CrossEntropyRows crossEntropy;
  private final AdamWRows adamW;
  private final Kernels scalar = new ScalarKernels();

  /**
   * @param scratch owned by the backend, as all of these, and used by one call at a time
   */
  HostKernels(
      Scratch scratch,
      RowThreads threads,
      LinearProducts linears,
      FlashAttention flash,
      LightningAttention lightning) {
    this.scratch = scratch;
    this.linears = linears;
    this.flash = flash;
    this.lightning = lightning;
    add = new AddRows(threads);
    rmsNorm = new RmsNormRows(threads);
    rmsNormBackward = new RmsNormBackwardRows(threads, scratch);
    rope = new RopeRows(threads);
    swiglu = new SwigluRows(threads);
    swigluBackward = new SwigluBackwardRows(threads);
    silu = new SiluRows(threads);
    siluBackward = new SiluBackwardRows(threads);
    attentionDelta = new AttentionDeltaRows(threads);
    topK = new TopKRows(threads);
    topKBackward = new TopKBackwardRows(threads);
    combine = new CombineRows(threads);
    combineBackward = new CombineBackwardRows(threads);
    crossEntropy = new CrossEntropyRows(threads);
    adamW = new AdamWRows(threads);
  }

  @Override
  public void fill(Tensor x, float value) {
    KernelChecks.floats("x", x);
    if (x.dtype() == DType.F32) {
      for (long i = 0; i < x.elements(); i += RUN) {
        VectorMove.fill(F32View.address(x, i), run(x, i), value);
      }
    } else if (value == 0) {
      x.segment().fill((byte) 0);
    } else {
      scalar.fill(x, value);
    }
  }

  @Override
  public void copy(Tensor from, Tensor to) {
    KernelChecks.copy(from, to);
    if (from.dtype() == to.dtype()) {
      MemorySegment.copy(Simd.ALL, from.address(), Simd.ALL, to.address(), from.byteSize());
    } else if (from.dtype() == DType.F32 && to.dtype() == DType.BF16) {
      for (long i = 0; i < from.elements(); i += RUN) {
        VectorMove.toBf16(F32View.address(from, i), F32View.address(to, i), run(from, i));
      }
    } else if (from.dtype() == DType.BF16 && to.dtype() == DType.F32) {
      for (long i = 0; i < from.elements(); i += RUN) {
        VectorMove.toF32(F32View.address(from, i), F32View.address(to, i), run(from, i));
      }
    } else {
      scalar.copy(from, to); // F64 is for single sums
    }
  }

  @Override
  public void add(Tensor x, Tensor into) {
    KernelChecks.add(x, into);
    add.run(x, into);
  }

  @Override
  public void scale(Tensor x, float factor) {
    KernelChecks.f32("x", x);
    for (long i = 0; i < x.elements(); i += RUN) {
      VectorMove.scale(factor, F32View.address(x, i), F32View.address(x, i), run(x, i));
    }
  }

  @Override
  public void gatherRows(Tensor table, Tensor indices, Tensor out) {
    KernelChecks.gatherRows(table, indices, out);
    long rowBytes = table.dim(1) * table.dtype().bytes();
    for (long i = 0; i < out.dim(0); i++) {
      int from = Simd.index(indices, i);
      KernelChecks.index("indices", i, from, table.dim(0));
      long to = out.address() + i * rowBytes;
      if (from < 0) {
        Simd.ALL.asSlice(to, rowBytes).fill((byte) 0);
      } else {
        MemorySegment.copy(Simd.ALL, table.address() + from * rowBytes, Simd.ALL, to, rowBytes);
      }
    }
  }

  @Override
  public void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    KernelChecks.scatterAddRows(rows, indices, table);
    int width = Math.toIntExact(table.dim(1));
    long buffer = scratch.reserve(Scratch.bytes(width));
    for (long i = 0; i < rows.dim(0); i++) {
      int to = Simd.index(indices, i);
      KernelChecks.index("indices", i, to, table.dim(0));
      if (to >= 0) {
        long row = F32View.read(rows, i * width, width, buffer);
        VectorMove.add(row, table.address() + 4L * to * width, width);
      }
    }
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    KernelChecks.linear(x, w, y);
    linears.forward(x, w, y, accumulate);
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    KernelChecks.linearBackwardInput(dy, w, dx);
    linears.backwardInput(dy, w, dx, accumulate);
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    KernelChecks.linearBackwardWeight(dy, x, dw);
    linears.backwardWeight(dy, x, dw);
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    KernelChecks.groupedLinear(x, w, offsets, y);
    linears.groupedForward(x, w, offsets, y);
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    KernelChecks.groupedLinearBackwardInput(dy, w, offsets, dx);
    linears.groupedBackwardInput(dy, w, offsets, dx);
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    KernelChecks.groupedLinearBackwardWeight(dy, x, offsets, dw);
    linears.groupedBackwardWeight(dy, x, offsets, dw);
  }

  /** Keeps no packed copies. */
  @Override
  public void weightsChanged() {}

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    KernelChecks.rmsNorm(x, weight, y, rstd);
    rmsNorm.run(x, weight, eps, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    KernelChecks.rmsNormBackward(dy, x, weight, rstd, dx, dweight);
    rmsNormBackward.run(dy, x, weight, rstd, dx, dweight);
  }

  @Override
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    KernelChecks.ropeTable(positions, table);
    RopeRows.table(positions, theta, table, scratch);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    KernelChecks.rope(x, table);
    rope.run(x, table, inverse);
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    KernelChecks.swiglu(gateUp, h);
    swiglu.run(gateUp, h);
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    KernelChecks.swigluBackward(dh, gateUp, dGateUp);
    swigluBackward.run(dh, gateUp, dGateUp);
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
    KernelChecks.attention(q, k, v, kvHeadOf, tiles, out, lse);
    if (FlashAttention.takes(q, scale)) {
      flash.forward(q, k, v, kvHeadOf, tiles, scale, out, lse);
    } else {
      scalar.attention(q, k, v, kvHeadOf, tiles, scale, out, lse);
    }
  }

  @Override
  public void attentionMerge(Tensor outB, Tensor lseB, Tensor out, Tensor lse) {
    KernelChecks.attentionMerge(outB, lseB, out, lse);
    FlashAttention.merge(outB, lseB, out, lse);
  }

  @Override
  public void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    KernelChecks.attentionDelta(out, dOut, delta);
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
    KernelChecks.attentionBackward(q, k, v, kvHeadOf, tiles, dOut, lse, delta, dq, dk, dv);
    if (FlashAttention.takes(q, scale)) {
      flash.backward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    } else {
      scalar.attentionBackward(q, k, v, kvHeadOf, tiles, scale, dOut, lse, delta, dq, dk, dv);
    }
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    KernelChecks.silu(x, y);
    silu.run(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    KernelChecks.siluBackward(dy, x, dx);
    siluBackward.run(dy, x, dx);
  }

  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    KernelChecks.linearAttention(q, k, v, pattern, state, out);
    lightning.forward(q, k, v, pattern, state, out);
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    KernelChecks.linearAttentionState(a, b, pattern, backward, state);
    lightning.state(a, b, pattern, backward, state);
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
    KernelChecks.linearAttentionBackward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
    lightning.backward(q, k, v, pattern, state, dOut, dState, dq, dk, dv);
  }

  @Override
  public void routeTopK(Tensor logits, Tensor probs, Tensor lse, Tensor indices, Tensor weights) {
    KernelChecks.routeTopK(logits, probs, lse, indices, weights);
    topK.run(logits, probs, lse, indices, weights);
  }

  @Override
  public void routeTopKBackward(
      Tensor probs,
      Tensor lse,
      Tensor indices,
      Tensor weights,
      Tensor dWeights,
      Tensor probsGrad,
      float zGrad,
      Tensor dLogits) {
    KernelChecks.routeTopKBackward(probs, lse, indices, weights, dWeights, probsGrad, dLogits);
    topKBackward.run(probs, lse, indices, weights, dWeights, probsGrad, zGrad, dLogits);
  }

  @Override
  public void combineRows(Tensor rows, Tensor slots, Tensor weights, Tensor out) {
    KernelChecks.combineRows(rows, slots, weights, out);
    combine.run(rows, slots, weights, out);
  }

  @Override
  public void combineRowsBackward(
      Tensor dOut, Tensor rows, Tensor slots, Tensor weights, Tensor dRows, Tensor dWeights) {
    KernelChecks.combineRowsBackward(dOut, rows, slots, weights, dRows, dWeights);
    combineBackward.run(dOut, rows, slots, weights, dRows, dWeights);
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    KernelChecks.crossEntropy(logits, labels, losses);
    crossEntropy.run(logits, labels, gradScale, losses);
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    double total = Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, sum.address());
    for (long i = 0; i < x.elements(); i += RUN) {
      total = VectorRows.sum(F32View.address(x, i), run(x, i), total);
    }
    Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, sum.address(), total);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    KernelChecks.sum(x, sum);
    double total = Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, sum.address());
    for (long i = 0; i < x.elements(); i += RUN) {
      total += VectorRows.sumSquares(F32View.address(x, i), run(x, i));
    }
    Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, sum.address(), total);
  }

  @Override
  public void adamW(
      Tensor w,
      Tensor m,
      Tensor v,
      Tensor grad,
      float gradScale,
      float lr,
      float beta1,
      float beta2,
      float eps,
      float decay,
      long step) {
    KernelChecks.adamW(w, m, v, grad, step);
    adamW.run(w, m, v, grad, gradScale, lr, beta1, beta2, eps, decay, step);
  }

  private static int run(Tensor x, long from) {
    return (int) Math.min(RUN, x.elements() - from);
  }
}
