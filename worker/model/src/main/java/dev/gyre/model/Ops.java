package dev.gyre.model;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SinkLogits;
import dev.gyre.model.tape.Retained;
import dev.gyre.model.tape.Tape;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.mask.AttentionMask;
import org.jspecify.annotations.Nullable;

/**
 * The operations that blocks are composed of. Each runs its kernel, saves what its backward needs,
 * and records that backward.
 *
 * <p>Gradients are F32 if they sum several contributions or a kernel produces F32 (residual, norm
 * outputs, q, k, v), else in the compute dtype. An operation releases its own scratch when it
 * returns. The gradients it creates stay, so it allocates them before scratch.
 */
final class Ops {
  final Backend backend;
  final Kernels kernels;
  final Workspace workspace;
  final ParameterStore store;
  final Tape tape;
  final DType compute;

  Ops(Backend backend, Workspace workspace, ParameterStore store, Tape tape, DType compute) {
    this.backend = backend;
    this.kernels = backend.kernels();
    this.workspace = workspace;
    this.store = store;
    this.tape = tape;
    this.compute = compute;
  }

  /** Work on {@code count} consecutive tokens or rows. */
  @FunctionalInterface
  interface TileWork {
    void on(long from, long count);
  }

  /**
   * Works tile by tile, in order, and releases the scratch of each. A backend that computes nothing
   * works on the first, because no other takes more memory.
   */
  void eachTile(long count, long tile, TileWork work) {
    long end = backend.computes() ? count : Math.min(count, tile);
    for (long from = 0; from < end; from += tile) {
      long mark = workspace.scratchMark();
      work.on(from, Math.min(tile, count - from));
      workspace.releaseScratch(mark);
    }
  }

  /** RMSNorm of each token of x F32 [T,d]; the result is in the compute dtype. */
  Variable rmsNorm(Variable x, String weight, double eps) {
    return rmsNorm(x, weight, x.value().width(), eps);
  }

  /**
   * RMSNorm of every {@code width} consecutive elements of x compute or F32; the result has x's
   * dims and the compute dtype. The gradient of x is F32.
   */
  Variable rmsNorm(Variable x, String weight, long width, double eps) {
    long rows = x.value().elements() / width;
    Tensor in = x.value().reshape(rows, width);
    Tensor out = saveLike(x.value());
    Tensor rstd = tape.save(DType.F32, rows);
    kernels.rmsNorm(in, store.weight(weight, width), (float) eps, out.reshape(rows, width), rstd);
    Variable y = new Variable(weight + " output", out, DType.F32);
    tape.record(
        () ->
            kernels.rmsNormBackward(
                y.gradient().reshape(rows, width),
                in,
                store.weight(weight, width),
                rstd,
                x.gradientToAdd(workspace, kernels).reshape(rows, width),
                store.gradient(weight, width)));
    return y;
  }

  /** Memory of the compute dtype and of a tensor's dims, for what backward needs. */
  private Tensor saveLike(Tensor x) {
    long[] dims = new long[x.rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = x.dim(i);
    }
    return tape.save(compute, dims);
  }

  /** Adds a bias of {@code width} elements to x in place, if it has a value. */
  void bias(Variable x, String bias, long width) {
    long tokens = x.dim(0);
    if (x.hasValue()) {
      kernels.addBias(x.value().reshape(tokens, width), store.weight(bias, width));
    }
    tape.record(
        () ->
            kernels.addBiasBackward(
                x.gradient().reshape(tokens, width), store.gradient(bias, width)));
  }

  /** x bounded by a limit in both directions; the gradient is F32. */
  Variable clamp(Variable x, double limit) {
    Tensor in = x.value();
    Tensor out = saveLike(in);
    kernels.clamp(in, (float) limit, out);
    Variable y = new Variable("clamped " + x.name(), out, DType.F32);
    tape.record(
        () -> kernels.clampBackward(y.gradient(), in, (float) limit, x.gradientOrNew(workspace)));
    return y;
  }

  /** Columns {@code [from, from + width)} of the rows of x, as a tensor of given dims. */
  Variable columns(Variable x, long from, long width, long... dims) {
    Tensor out = tape.save(compute, dims);
    kernels.copyColumns(x.value(), from, byRows(out, width), 0, width, false);
    Variable y = new Variable("columns of " + x.name(), out, DType.F32);
    tape.record(
        () ->
            kernels.copyColumns(
                byRows(y.gradient(), width),
                0,
                x.gradientToAdd(workspace, kernels),
                from,
                width,
                true));
    return y;
  }

  private static Tensor byRows(Tensor x, long width) {
    return x.reshape(x.elements() / width, width);
  }

  /**
   * y = x·wᵀ in the compute dtype.
   *
   * @param x any dims with {@code in} elements a token
   * @param outDims dims of y after the first, T
   */
  Variable linear(Variable x, String weight, long in, DType gradientType, long... outDims) {
    return linear(x, weight, in, true, gradientType, outDims);
  }

  /**
   * As above.
   *
   * @param computed whether to compute y's value; its backward does not read it
   */
  Variable linear(
      Variable x, String weight, long in, boolean computed, DType gradientType, long... outDims) {
    long tokens = x.value().dim(0);
    long[] dims = new long[outDims.length + 1];
    dims[0] = tokens;
    long out = 1;
    for (int i = 0; i < outDims.length; i++) {
      dims[i + 1] = outDims[i];
      out *= outDims[i];
    }
    long outWidth = out;
    String name = weight + " output";
    Variable y;
    if (computed) {
      Tensor value = tape.save(compute, dims);
      kernels.linear(
          x.value().reshape(tokens, in),
          store.weight(weight, outWidth, in),
          value.reshape(tokens, outWidth),
          false);
      y = new Variable(name, value, gradientType);
    } else {
      y = Variable.withoutValue(name, compute, gradientType, dims);
    }
    tape.record(
        () -> linearBackward(x, weight, in, outWidth, y.gradient().reshape(tokens, outWidth)));
    return y;
  }

  /**
   * next = residual, F32 [T,d], to which the block's last operations add. {@code next} may be
   * {@code residual} itself if no backward follows. A recomputed segment skips this and them: their
   * backward does not read next.
   */
  void carry(Variable residual, Variable next) {
    if (residual != next && !tape.replaying()) {
      kernels.copy(residual.value(), next.value());
    }
    tape.record(() -> residual.takeGradientOf(next));
  }

  /** next += x·wᵀ, F32 [T,O], after {@link #carry}. */
  void addLinear(Variable x, String weight, long in, Variable next) {
    long tokens = x.value().dim(0);
    long out = next.value().width();
    if (!tape.replaying()) {
      kernels.linear(
          x.value().reshape(tokens, in), store.weight(weight, out, in), next.value(), true);
    }
    tape.record(() -> linearBackward(x, weight, in, out, next.gradient()));
  }

  /** next += bias in every row, after {@link #carry}. */
  void addBias(String bias, Variable next) {
    long width = next.value().width();
    if (!tape.replaying()) {
      kernels.addBias(next.value(), store.weight(bias, width));
    }
    tape.record(() -> kernels.addBiasBackward(next.gradient(), store.gradient(bias, width)));
  }

  private void linearBackward(Variable x, String weight, long in, long out, Tensor dyAnyType) {
    long tokens = x.value().dim(0);
    boolean accumulate = x.hasGradient();
    Tensor dx = x.gradientOrNew(workspace).reshape(tokens, in);
    long mark = workspace.scratchMark();
    Tensor dy = inCompute(dyAnyType);
    kernels.linearBackwardInput(dy, store.weight(weight, out, in), dx, accumulate);
    kernels.linearBackwardWeight(
        dy, x.value().reshape(tokens, in), store.gradient(weight, out, in));
    workspace.releaseScratch(mark);
  }

  /** The tensor in the compute dtype: itself, or a converted copy in scratch. */
  Tensor inCompute(Tensor x) {
    if (x.dtype() == compute) {
      return x;
    }
    Tensor converted = workspace.scratch(compute, x.rows(), x.width());
    kernels.copy(x.reshape(x.rows(), x.width()), converted);
    return converted;
  }

  /** Rotates the last elements of the heads of x [T,H,D] in place, if it has a value. */
  void rope(Variable x, Tensor table) {
    if (x.hasValue()) {
      kernels.rope(x.value(), table, false);
    }
    tape.record(() -> kernels.rope(x.gradient(), table, true));
  }

  /** Results of one attention call. */
  private record AttentionResult(Tensor out, SequenceRow.Saved saved) {}

  /**
   * Whether the next attention needs the values of q, k and v. It does not if its result was kept
   * from the first run together with copies of them.
   */
  boolean attentionReadsInputs() {
    return !(tape.keptNext() instanceof AttentionResult made) || made.saved.readsInputs();
  }

  /**
   * Softmax attention over the row: q [T,H,D], k and v [T,K,D]; the result [T,H,D].
   *
   * @param sinks name of the heads' sink logits; null for none
   */
  Variable attention(
      SequenceRow row,
      Variable q,
      Variable k,
      Variable v,
      AttentionMask mask,
      double scale,
      @Nullable String sinks) {
    long heads = q.dim(1);
    AttentionResult made =
        tape.keep(
            Retained.ATTENTION,
            () -> attend(row, q, k, v, mask, (float) scale, sinkLogits(sinks, heads)));
    Variable o = new Variable("attention output", made.out, compute);
    SequenceRow.Saved saved =
        tape.replaying() && made.saved.readsInputs()
            ? made.saved.withInputs(q.value(), k.value(), v.value())
            : made.saved;
    tape.record(
        () ->
            row.backward(
                saved,
                sinkLogits(sinks, heads),
                o.gradient(),
                q.gradientOrNew(workspace),
                k.gradientOrNew(workspace),
                v.gradientOrNew(workspace),
                workspace));
    return o;
  }

  private @Nullable SinkLogits sinkLogits(@Nullable String name, long heads) {
    return name == null
        ? null
        : new SinkLogits(store.weight(name, heads), store.gradient(name, heads));
  }

  private AttentionResult attend(
      SequenceRow row,
      Variable q,
      Variable k,
      Variable v,
      AttentionMask mask,
      float scale,
      @Nullable SinkLogits sinks) {
    Tensor qs = q.value();
    Tensor out = tape.save(compute, qs.dim(0), qs.dim(1), qs.dim(2));
    return new AttentionResult(
        out, row.attention(qs, k.value(), v.value(), mask, scale, sinks, out, workspace));
  }

  /** x·σ(x) of x [T,H,D], whose gradient is F32. */
  Variable silu(Variable x) {
    Tensor in = x.value();
    Tensor out = tape.save(compute, in.dim(0), in.dim(1), in.dim(2));
    kernels.silu(in, out);
    Variable y = new Variable("silu of " + x.name(), out, DType.F32);
    tape.record(() -> kernels.siluBackward(y.gradient(), in, x.gradientOrNew(workspace)));
    return y;
  }

  /** Linear attention over the row: q [T,H,D], k and v [T,K,D]; the result [T,H,D]. */
  Variable linearAttention(SequenceRow row, Variable q, Variable k, Variable v, float[] slopes) {
    AttentionResult made = tape.keep(Retained.ATTENTION, () -> attend(row, q, k, v, slopes));
    Tensor out = made.out;
    SequenceRow.Saved saved =
        tape.replaying() ? made.saved.withInputs(q.value(), k.value(), v.value()) : made.saved;
    Variable o = new Variable("linear attention output", out, DType.F32);
    tape.record(
        () -> {
          Tensor dq = q.gradientOrNew(workspace);
          Tensor dk = k.gradientOrNew(workspace);
          Tensor dv = v.gradientOrNew(workspace);
          long mark = workspace.scratchMark();
          Tensor dOut = inCompute(o.gradient()).reshape(out.dim(0), out.dim(1), out.dim(2));
          row.backward(saved, null, dOut, dq, dk, dv, workspace);
          workspace.releaseScratch(mark);
        });
    return o;
  }

  private AttentionResult attend(
      SequenceRow row, Variable q, Variable k, Variable v, float[] slopes) {
    Tensor qs = q.value();
    Tensor out = tape.save(compute, qs.dim(0), qs.dim(1), qs.dim(2));
    return new AttentionResult(
        out, row.linearAttention(qs, k.value(), v.value(), slopes, out, workspace));
  }

  /** The activation of gateUp [T,2F]; the result [T,F]. */
  Variable gated(GateKernel gate, Variable gateUp) {
    Tensor in = gateUp.value();
    Tensor out = tape.save(compute, in.dim(0), in.width() / 2);
    gate.forward(in, out);
    Variable h = new Variable("activation output", out, compute);
    tape.record(() -> gate.backward(h.gradient(), in, gateUp.gradientOrNew(workspace)));
    return h;
  }
}
