package dev.gyre.trainer.sequence;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SinkLogits;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.trainer.sequence.ShardedSequence.Programs;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Attention of one row over ring × Ulysses ranks: the Ulysses ranks exchange tokens for heads, the
 * schedule's program runs over the ring, and the Ulysses ranks exchange back. Each of the two costs
 * nothing at degree 1. Single-threaded; blocks until the peers have made the same call.
 *
 * <p>Legend: t this rank's tokens, T those of its ring rank's complete local sequence, H and K all
 * query and key/value heads, h and k this rank's, D head size.
 */
final class ShardedRow implements SequenceRow {
  private final ShardedSequence sequence;
  private final Map<AttentionMask, Programs> programs;
  private final int tokens;
  private final @Nullable UlyssesExchange exchange;
  private final @Nullable StatePassing linear;

  /**
   * @param tokens this rank's
   * @param exchange null with one Ulysses rank
   * @param linear null for a model without linear layers
   */
  ShardedRow(
      ShardedSequence sequence,
      Map<AttentionMask, Programs> programs,
      int tokens,
      @Nullable UlyssesExchange exchange,
      @Nullable StatePassing linear) {
    this.sequence = sequence;
    this.programs = programs;
    this.tokens = tokens;
    this.exchange = exchange;
    this.linear = linear;
  }

  /**
   * @param own whether q, k and v are the caller's tensors, as with one Ulysses rank. Otherwise
   *     they are copies [T,h,D], [T,k,D], and no exchange is repeated
   * @param lse F32 [T,h]; the others compute
   */
  private record SavedAttention(
      Programs programs,
      boolean own,
      Tensor q,
      Tensor k,
      Tensor v,
      float scale,
      Tensor out,
      Tensor lse)
      implements Saved {
    @Override
    public boolean readsInputs() {
      return own;
    }

    @Override
    public Saved withInputs(Tensor newQ, Tensor newK, Tensor newV) {
      return own ? new SavedAttention(programs, true, newQ, newK, newV, scale, out, lse) : this;
    }
  }

  @Override
  public Saved attention(
      Tensor q,
      Tensor k,
      Tensor v,
      AttentionMask mask,
      float scale,
      @Nullable SinkLogits sinks,
      Tensor out,
      Workspace workspace) {
    Programs of = programs.get(mask);
    if (of == null) {
      throw new IllegalStateException(
          "no attention schedule for mask %s was set, only for %s"
              .formatted(mask, programs.keySet()));
    }
    q.require("q", sequence.compute, tokens, sequence.allHeads, sequence.headDim);
    k.require("k", sequence.compute, tokens, sequence.allKvHeads, sequence.headDim);
    v.require("v", sequence.compute, tokens, sequence.allKvHeads, sequence.headDim);
    out.require("out", sequence.compute, tokens, sequence.allHeads, sequence.headDim);
    UlyssesExchange swap = exchange;
    if (swap == null) {
      Tensor lse = workspace.save(DType.F32, tokens, sequence.heads);
      runForward(of, q, k, v, scale, sinks, out, lse, workspace);
      return new SavedAttention(of, true, q, k, v, scale, out, lse);
    }
    long all = swap.allTokens();
    Tensor qAll = workspace.save(sequence.compute, all, sequence.heads, sequence.headDim);
    Tensor kAll = workspace.save(sequence.compute, all, sequence.kvHeads, sequence.headDim);
    Tensor vAll = workspace.save(sequence.compute, all, sequence.kvHeads, sequence.headDim);
    Tensor outAll = workspace.save(sequence.compute, all, sequence.heads, sequence.headDim);
    Tensor lse = workspace.save(DType.F32, all, sequence.heads);
    swap.toHeads(q, k, v, qAll, kAll, vAll, workspace);
    runForward(of, qAll, kAll, vAll, scale, sinks, outAll, lse, workspace);
    swap.queriesToTokens(outAll, out, workspace);
    return new SavedAttention(of, false, qAll, kAll, vAll, scale, outAll, lse);
  }

  @Override
  public Saved linearAttention(
      Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace workspace) {
    q.require("q", sequence.compute, tokens, sequence.allHeads, sequence.headDim);
    k.require("k", sequence.compute, tokens, sequence.allKvHeads, sequence.headDim);
    v.require("v", sequence.compute, tokens, sequence.allKvHeads, sequence.headDim);
    out.require("out", sequence.compute, tokens, sequence.allHeads, sequence.headDim);
    return linear().forward(q, k, v, slopes, out, workspace);
  }

  /**
   * Partial outputs are merged in f32 and rounded to the compute dtype once. Sink logits enter
   * after the merge, so that each query's softmax has them once.
   */
  private void runForward(
      Programs of,
      Tensor q,
      Tensor k,
      Tensor v,
      float scale,
      @Nullable SinkLogits sinks,
      Tensor out,
      Tensor lse,
      Workspace workspace) {
    if (sequence.compute == DType.F32) {
      attend(of, q, k, v, scale, sinks, out, lse, workspace);
      return;
    }
    long mark = workspace.scratchMark();
    Tensor sum = workspace.scratch(DType.F32, out.dim(0), out.dim(1), out.dim(2));
    attend(of, q, k, v, scale, sinks, sum, lse, workspace);
    sequence.kernels.copy(sum, out);
    workspace.releaseScratch(mark);
  }

  private void attend(
      Programs of,
      Tensor q,
      Tensor k,
      Tensor v,
      float scale,
      @Nullable SinkLogits sinks,
      Tensor out,
      Tensor lse,
      Workspace workspace) {
    sequence.ring.forward(of.forward(), q, k, v, scale, out, lse, workspace);
    if (sinks != null) {
      sequence.kernels.attentionSinks(sequence.ofOwnHeads(sinks.values()), out, lse);
    }
  }

  @Override
  public void backward(
      Saved saved,
      @Nullable SinkLogits sinks,
      Tensor dOut,
      Tensor dq,
      Tensor dk,
      Tensor dv,
      Workspace workspace) {
    dOut.require("dOut", sequence.compute, tokens, sequence.allHeads, sequence.headDim);
    dq.require("dq", DType.F32, tokens, sequence.allHeads, sequence.headDim);
    dk.require("dk", DType.F32, tokens, sequence.allKvHeads, sequence.headDim);
    dv.require("dv", DType.F32, tokens, sequence.allKvHeads, sequence.headDim);
    if (saved instanceof StatePassing.SavedLinearAttention s) {
      linear().backward(s, dOut, dq, dk, dv, workspace);
      return;
    }
    SavedAttention a = (SavedAttention) saved;
    long mark = workspace.scratchMark();
    long all = a.q.dim(0);
    Tensor delta = workspace.scratch(DType.F32, all, sequence.heads);
    UlyssesExchange swap = exchange;
    if (swap == null) {
      sequence.kernels.attentionDelta(a.out, dOut, delta);
      addSinkGradient(sinks, a.lse, delta);
      sequence.ring.backward(
          a.programs.backward(), a.q, a.k, a.v, a.scale, dOut, a.lse, delta, dq, dk, dv, workspace);
    } else {
      Tensor dOutAll = workspace.scratch(sequence.compute, all, sequence.heads, sequence.headDim);
      Tensor dqAll = workspace.scratch(DType.F32, all, sequence.heads, sequence.headDim);
      Tensor dkAll = workspace.scratch(DType.F32, all, sequence.kvHeads, sequence.headDim);
      Tensor dvAll = workspace.scratch(DType.F32, all, sequence.kvHeads, sequence.headDim);
      swap.queriesToHeads(dOut, dOutAll, workspace);
      sequence.kernels.attentionDelta(a.out, dOutAll, delta);
      addSinkGradient(sinks, a.lse, delta);
      sequence.ring.backward(
          a.programs.backward(),
          a.q,
          a.k,
          a.v,
          a.scale,
          dOutAll,
          a.lse,
          delta,
          dqAll,
          dkAll,
          dvAll,
          workspace);
      swap.gradientsToTokens(dqAll, dkAll, dvAll, dq, dk, dv, workspace);
    }
    workspace.releaseScratch(mark);
  }

  /** Of this rank's heads and its ring rank's tokens; the parameters sum over the ranks. */
  private void addSinkGradient(@Nullable SinkLogits sinks, Tensor lse, Tensor delta) {
    if (sinks != null) {
      sequence.kernels.attentionSinksBackward(
          sequence.ofOwnHeads(sinks.values()), lse, delta, sequence.ofOwnHeads(sinks.gradient()));
    }
  }

  @Override
  public void sumOverRow(double[] values) {
    sequence.backend.onHost(List.of(), List.of(), () -> sequence.row.sum(values));
  }

  private StatePassing linear() {
    StatePassing opened = linear;
    if (opened == null) {
      throw new IllegalStateException("the row was opened without a layout of linear layers");
    }
    return opened;
  }
}
