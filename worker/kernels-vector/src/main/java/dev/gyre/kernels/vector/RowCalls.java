package dev.gyre.kernels.vector;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;

/**
 * Kernels that go row by row: norm, rotary positions, activation, loss, optimizer. Shapes are
 * checked. On one thread nothing is allocated; on several, a call makes the closure they share.
 */
final class RowCalls implements AutoCloseable {
  private static final int UNLABELLED = -100;

  /** Elements of a run that stays in the first-level cache with its operands. */
  private static final int RUN = 1024;

  /** Elements of one call of a primitive, which counts in int. */
  private static final int MOST = 1 << 20;

  /** Rows whose weight gradients are summed by themselves, for every number of threads. */
  private static final int NORM_ROWS = 256;

  /** Parameters of a part: whole cache lines. */
  private static final int PARAMETERS = 1 << 12;

  private final RowThreads threads;
  private final Scratch sums = new Scratch();

  RowCalls(RowThreads threads) {
    this.threads = threads;
  }

  @Override
  public void close() {
    sums.close();
  }

  void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    if (threads.split(x)) {
      threads.run(
          x.dim(0), 1, (from, to, scratch) -> rmsNorm(x, weight, eps, y, rstd, from, to, scratch));
    } else {
      rmsNorm(x, weight, eps, y, rstd, 0, x.dim(0), threads.scratch());
    }
  }

  private static void rmsNorm(
      Tensor x,
      Tensor weight,
      float eps,
      Tensor y,
      Tensor rstd,
      long first,
      long end,
      Scratch scratch) {
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long in = lanes + Scratch.bytes(Simd.LANES);
    long out = in + rowBytes;
    for (long t = first; t < end; t++) {
      long from = Wide.read(x, t * width, width, in);
      long to = Wide.target(y, t * width, out);
      float r = VectorRows.rmsNorm(from, weight.address(), eps, to, width, lanes);
      Simd.set(rstd.address() + 4 * t, r);
      Wide.written(y, t * width, width, out);
    }
  }

  /** The weight's gradient is summed over runs of rows first, then over the runs in order. */
  void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    int runs = Math.toIntExact((x.dim(0) + NORM_ROWS - 1) / NORM_ROWS);
    long partial = sums.reserve(runs * rowBytes);
    if (threads.split(x)) {
      threads.run(
          x.dim(0),
          NORM_ROWS,
          (from, to, scratch) ->
              rmsNormBackward(dy, x, weight, rstd, dx, partial, from, to, scratch));
    } else {
      rmsNormBackward(dy, x, weight, rstd, dx, partial, 0, x.dim(0), threads.scratch());
    }
    for (int run = 0; run < runs; run++) {
      VectorMove.add(partial + run * rowBytes, dweight.address(), width);
    }
  }

  /**
   * @param first a multiple of {@link #NORM_ROWS}
   */
  private static void rmsNormBackward(
      Tensor dy,
      Tensor x,
      Tensor weight,
      Tensor rstd,
      Tensor dx,
      long partial,
      long first,
      long end,
      Scratch scratch) {
    int width = Math.toIntExact(x.dim(1));
    long rowBytes = Scratch.bytes(width);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long gradient = lanes + Scratch.bytes(Simd.LANES);
    long in = gradient + rowBytes;
    for (long t = first; t < end; t++) {
      long dweight = partial + t / NORM_ROWS * rowBytes;
      if (t % NORM_ROWS == 0) {
        VectorMove.fill(dweight, width, 0);
      }
      VectorRows.rmsNormBackward(
          Wide.read(dy, t * width, width, gradient),
          Wide.read(x, t * width, width, in),
          weight.address(),
          Simd.get(rstd.address() + 4 * t),
          dx.address() + 4 * t * width,
          dweight,
          width,
          lanes);
    }
  }

  /** Scalar: a few rows a step, and angles need double. */
  void ropeTable(Tensor positions, double theta, Tensor table) {
    int half = Math.toIntExact(table.dim(2));
    long frequencies = threads.scratch().reserve(8L * half);
    for (int i = 0; i < half; i++) {
      double frequency = StrictMath.pow(theta, -(double) i / half);
      Simd.ALL.set(JAVA_DOUBLE_UNALIGNED, frequencies + 8L * i, frequency);
    }
    for (long t = 0; t < positions.dim(0); t++) {
      int position = index(positions, t);
      long cos = table.address() + 8 * t * half;
      long sin = cos + 4L * half;
      for (int i = 0; i < half; i++) {
        double angle = position * Simd.ALL.get(JAVA_DOUBLE_UNALIGNED, frequencies + 8L * i);
        Simd.set(cos + 4L * i, (float) StrictMath.cos(angle));
        Simd.set(sin + 4L * i, (float) StrictMath.sin(angle));
      }
    }
  }

  void rope(Tensor x, Tensor table, boolean inverse) {
    if (threads.split(x)) {
      threads.run(x.dim(0), 1, (from, to, scratch) -> rope(x, table, inverse, from, to, scratch));
    } else {
      rope(x, table, inverse, 0, x.dim(0), threads.scratch());
    }
  }

  private static void rope(
      Tensor x, Tensor table, boolean inverse, long first, long end, Scratch scratch) {
    int heads = Math.toIntExact(x.dim(1));
    int size = Math.toIntExact(x.dim(2));
    float sign = inverse ? -1 : 1;
    long buffer = scratch.reserve(Scratch.bytes(size));
    for (long t = first; t < end; t++) {
      long cos = table.address() + 4 * t * size;
      for (int h = 0; h < heads; h++) {
        long at = (t * heads + h) * size;
        long head = Wide.read(x, at, size, buffer);
        VectorRows.rope(head, cos, cos + 2L * size, size / 2, sign);
        Wide.written(x, at, size, buffer);
      }
    }
  }

  void swiglu(Tensor gateUp, Tensor h) {
    if (threads.split(gateUp)) {
      threads.run(h.dim(0), 1, (from, to, scratch) -> swiglu(gateUp, h, from, to, scratch));
    } else {
      swiglu(gateUp, h, 0, h.dim(0), threads.scratch());
    }
  }

  private static void swiglu(Tensor gateUp, Tensor h, long first, long end, Scratch scratch) {
    int width = Math.toIntExact(h.dim(1));
    if (h.dtype() == DType.BF16) {
      for (long row = first; row < end; row++) {
        long gate = Wide.address(gateUp, row * 2 * width);
        Bf16Activation.swiglu(gate, gate + 2L * width, Wide.address(h, row * width), width);
      }
      return;
    }
    long exps = scratch.reserve(Scratch.bytes(RUN + (long) Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        long gate = Wide.address(gateUp, row * 2 * width + from);
        long to = Wide.address(h, row * width + from);
        VectorRows.swiglu(gate, gate + 4L * width, to, Math.min(RUN, width - from), exps);
      }
    }
  }

  void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    if (threads.split(gateUp)) {
      threads.run(
          dh.dim(0),
          1,
          (from, to, scratch) -> swigluBackward(dh, gateUp, dGateUp, from, to, scratch));
    } else {
      swigluBackward(dh, gateUp, dGateUp, 0, dh.dim(0), threads.scratch());
    }
  }

  private static void swigluBackward(
      Tensor dh, Tensor gateUp, Tensor dGateUp, long first, long end, Scratch scratch) {
    int width = Math.toIntExact(dh.dim(1));
    if (dh.dtype() == DType.BF16) {
      for (long row = first; row < end; row++) {
        long gate = Wide.address(gateUp, row * 2 * width);
        long dGate = Wide.address(dGateUp, row * 2 * width);
        Bf16Activation.swigluBackward(
            Wide.address(dh, row * width),
            gate,
            gate + 2L * width,
            dGate,
            dGate + 2L * width,
            width);
      }
      return;
    }
    long exps = scratch.reserve(Scratch.bytes(RUN + (long) Simd.LANES));
    for (long row = first; row < end; row++) {
      for (int from = 0; from < width; from += RUN) {
        long gate = Wide.address(gateUp, row * 2 * width + from);
        long dGate = Wide.address(dGateUp, row * 2 * width + from);
        VectorRows.swigluBackward(
            Wide.address(dh, row * width + from),
            gate,
            gate + 4L * width,
            dGate,
            dGate + 4L * width,
            Math.min(RUN, width - from),
            exps);
      }
    }
  }

  void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    if (threads.split(logits)) {
      threads.run(
          logits.dim(0),
          1,
          (from, to, scratch) ->
              crossEntropy(logits, labels, gradScale, losses, from, to, scratch));
    } else {
      crossEntropy(logits, labels, gradScale, losses, 0, logits.dim(0), threads.scratch());
    }
  }

  private static void crossEntropy(
      Tensor logits,
      Tensor labels,
      float gradScale,
      Tensor losses,
      long first,
      long end,
      Scratch scratch) {
    int vocabulary = Math.toIntExact(logits.dim(1));
    long lanes = scratch.reserve(Scratch.bytes(Simd.LANES));
    for (long t = first; t < end; t++) {
      int label = index(labels, t);
      KernelChecks.label(t, label, vocabulary);
      long row = logits.address() + 4 * t * vocabulary;
      float loss = 0;
      if (label == UNLABELLED) {
        VectorMove.fill(row, vocabulary, 0);
      } else {
        loss = VectorRows.crossEntropy(row, vocabulary, label, gradScale, lanes);
      }
      Simd.set(losses.address() + 4 * t, loss);
    }
  }

  void attentionDelta(Tensor out, Tensor dOut, Tensor delta) {
    if (threads.split(out)) {
      threads.run(
          delta.elements(),
          1,
          (from, to, scratch) -> attentionDelta(out, dOut, delta, from, to, scratch));
    } else {
      attentionDelta(out, dOut, delta, 0, delta.elements(), threads.scratch());
    }
  }

  private static void attentionDelta(
      Tensor out, Tensor dOut, Tensor delta, long first, long end, Scratch scratch) {
    int size = Math.toIntExact(out.dim(2));
    long rowBytes = Scratch.bytes(size);
    long lanes = scratch.reserve(2 * rowBytes + Scratch.bytes(Simd.LANES));
    long left = lanes + Scratch.bytes(Simd.LANES);
    for (long row = first; row < end; row++) {
      long a = Wide.read(out, row * size, size, left);
      long b = Wide.read(dOut, row * size, size, left + rowBytes);
      Simd.set(delta.address() + 4 * row, VectorMove.dot(a, b, size, lanes));
    }
  }

  void add(Tensor x, Tensor into) {
    long buffer = threads.scratch().reserve(2 * Scratch.bytes(RUN));
    long sum = buffer + Scratch.bytes(RUN);
    for (long i = 0; i < x.elements(); i += RUN) {
      int count = (int) Math.min(RUN, x.elements() - i);
      long to = Wide.read(into, i, count, sum);
      VectorMove.add(Wide.read(x, i, count, buffer), to, count);
      Wide.written(into, i, count, sum);
    }
  }

  void scatterAddRows(Tensor rows, Tensor indices, Tensor table) {
    int width = Math.toIntExact(table.dim(1));
    long buffer = threads.scratch().reserve(Scratch.bytes(width));
    for (long i = 0; i < rows.dim(0); i++) {
      int to = index(indices, i);
      KernelChecks.index("indices", i, to, table.dim(0));
      if (to >= 0) {
        long row = Wide.read(rows, i * width, width, buffer);
        VectorMove.add(row, table.address() + 4L * to * width, width);
      }
    }
  }

  void adamW(
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
    float correction1 = (float) (1 / (1 - StrictMath.pow(beta1, (double) step)));
    float correction2 = (float) (1 / (1 - StrictMath.pow(beta2, (double) step)));
    if (threads.split(w)) {
      threads.run(
          w.elements(),
          PARAMETERS,
          (from, to, _) ->
              adamW(
                  w,
                  m,
                  v,
                  grad,
                  gradScale,
                  lr,
                  beta1,
                  beta2,
                  eps,
                  decay,
                  correction1,
                  correction2,
                  from,
                  to));
    } else {
      adamW(
          w,
          m,
          v,
          grad,
          gradScale,
          lr,
          beta1,
          beta2,
          eps,
          decay,
          correction1,
          correction2,
          0,
          w.elements());
    }
  }

  private static void adamW(
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
      float correction1,
      float correction2,
      long first,
      long end) {
    for (long i = first; i < end; i += MOST) {
      VectorRows.adamW(
          Wide.address(w, i),
          Wide.address(m, i),
          Wide.address(v, i),
          Wide.address(grad, i),
          (int) Math.min(MOST, end - i),
          gradScale,
          lr,
          beta1,
          beta2,
          eps,
          decay,
          correction1,
          correction2);
    }
  }

  static int index(Tensor t, long i) {
    return Simd.ALL.get(JAVA_INT_UNALIGNED, t.address() + 4 * i);
  }
}
