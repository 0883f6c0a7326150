package dev.gyre.trainer.sequence;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceGroup;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.trainer.exchange.TensorExchange;
import dev.gyre.trainer.exchange.Transfers;
import java.util.HashMap;
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
public final class ShardedSequence implements SequenceGroup {
  private final Backend backend;
  private final Kernels kernels;
  private final Mesh mesh;
  private final int rank;
  private final ProcessGroup row;
  private final DType compute;
  private final HeadSplit split;
  private final int allHeads;
  private final int allKvHeads;
  private final ScheduleEngine ring;
  private final TensorExchange headExchange;
  private final long heads;
  private final long kvHeads;
  private final long headDim;
  private final Map<AttentionMask, Programs> programs = new HashMap<>();
  private final StatePassing linear;
  private @Nullable UlyssesExchange exchange;
  private int tokens;

  /** The ring's programs of one attention mask. */
  private record Programs(
      AttentionSchedule schedule, CompiledProgram forward, CompiledProgram backward) {}

  /**
   * @param own whether q, k and v are the caller's tensors, as with one Ulysses rank. Otherwise
   *     they are copies [T,h,D], [T,k,D], and no exchange is repeated
   * @param lse F32 [T,h]; the others compute
   */
  private record SavedAttention(
      Programs programs, boolean own, Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse)
      implements Saved {
    @Override
    public boolean readsInputs() {
      return own;
    }

    @Override
    public Saved withInputs(Tensor newQ, Tensor newK, Tensor newV) {
      return own ? new SavedAttention(programs, true, newQ, newK, newV, out, lse) : this;
    }
  }

  /**
   * @param compute F32 or BF16
   */
  public ShardedSequence(
      Transport transport, Mesh mesh, Backend backend, ModelSpec model, DType compute) {
    this(transport, mesh, backend, model, compute, ScheduleEngine.Overlap.ON);
  }

  ShardedSequence(
      Transport transport,
      Mesh mesh,
      Backend backend,
      ModelSpec model,
      DType compute,
      ScheduleEngine.Overlap overlap) {
    this.backend = backend;
    this.kernels = backend.kernels();
    this.mesh = mesh;
    this.rank = transport.rank();
    this.compute = compute;
    this.row = group(transport, mesh.rowGroup(rank));
    this.headExchange = new TensorExchange(backend, group(transport, mesh.ulyssesGroup(rank)));
    this.split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
    this.allHeads = model.heads().queries();
    this.allKvHeads = model.heads().keyValues();
    HeadSplit.Part part = split.parts().get(mesh.ulyssesRank(rank));
    this.heads = part.queryHeads();
    this.kvHeads = part.kvHeads();
    this.headDim = model.heads().size();
    this.ring =
        new ScheduleEngine(
            backend,
            new Transfers(backend, group(transport, mesh.ringGroup(rank))),
            part.kvHeadOf(),
            part.kvHeads(),
            model.heads().size(),
            compute,
            overlap);
    this.linear =
        new StatePassing(
            backend,
            new TensorExchange(backend, row),
            model.heads().kvHeadOf(),
            model.heads().keyValues(),
            model.heads().size(),
            compute);
  }

  private static ProcessGroup group(Transport transport, int[] ranks) {
    return new ProcessGroup(transport, ranks, Channel.SEQUENCE);
  }

  /**
   * Sets the row for {@link #linearAttention}, if the model has such layers.
   *
   * @param workspace takes a few index tensors, which must live as long as the row is worked on
   */
  public void beginLinear(LinearAttentionLayout layout, Workspace workspace) {
    linear.begin(layout, workspace);
  }

  /**
   * Sets the row that the following calls work on. A schedule equal to the last call's is not
   * prepared again.
   *
   * @param schedules the ring's schedule for each attention mask of the model
   * @param workspace takes a few index tensors, which must live as long as the row is worked on
   */
  public void begin(
      SequenceLayout layout, Map<AttentionMask, AttentionSchedule> schedules, Workspace workspace) {
    if (layout.ring() != mesh.ring() || layout.ulysses() != mesh.ulysses()) {
      throw new IllegalArgumentException(
          "layout for ring %d × ulysses %d on a mesh of ring %d × ulysses %d"
              .formatted(layout.ring(), layout.ulysses(), mesh.ring(), mesh.ulysses()));
    }
    int ringRank = mesh.ringRank(rank);
    int[] ringTokens = new int[mesh.ring()];
    for (int r = 0; r < ringTokens.length; r++) {
      ringTokens[r] = layout.tokens(r);
    }
    programs.keySet().retainAll(schedules.keySet());
    schedules.forEach(
        (mask, schedule) -> {
          Programs known = programs.get(mask);
          if (known == null || !known.schedule.equals(schedule)) {
            programs.put(mask, compile(schedule, ringRank, ringTokens));
          }
        });
    tokens = layout.tokens(ringRank, mesh.ulyssesRank(rank));
    exchange =
        mesh.ulysses() == 1
            ? null
            : new UlyssesExchange(
                backend, headExchange, split, allHeads, allKvHeads, layout, ringRank, workspace);
  }

  private static Programs compile(AttentionSchedule schedule, int ringRank, int[] ringTokens) {
    return new Programs(
        schedule,
        CompiledProgram.compile(
            schedule.kind(), schedule.forward().get(ringRank), true, ringRank, ringTokens),
        CompiledProgram.compile(
            schedule.kind(), schedule.backward().get(ringRank), false, ringRank, ringTokens));
  }

  @Override
  public Saved attention(
      Tensor q, Tensor k, Tensor v, AttentionMask mask, Tensor out, Workspace workspace) {
    Programs of = programs.get(mask);
    if (of == null) {
      throw new IllegalStateException(
          "no attention schedule for mask %s was set, only for %s"
              .formatted(mask, programs.keySet()));
    }
    q.require("q", compute, tokens, allHeads, headDim);
    k.require("k", compute, tokens, allKvHeads, headDim);
    v.require("v", compute, tokens, allKvHeads, headDim);
    out.require("out", compute, tokens, allHeads, headDim);
    UlyssesExchange swap = exchange;
    if (swap == null) {
      Tensor lse = workspace.save(DType.F32, tokens, heads);
      runForward(of, q, k, v, out, lse, workspace);
      return new SavedAttention(of, true, q, k, v, out, lse);
    }
    long all = swap.allTokens();
    Tensor qAll = workspace.save(compute, all, heads, headDim);
    Tensor kAll = workspace.save(compute, all, kvHeads, headDim);
    Tensor vAll = workspace.save(compute, all, kvHeads, headDim);
    Tensor outAll = workspace.save(compute, all, heads, headDim);
    Tensor lse = workspace.save(DType.F32, all, heads);
    swap.toHeads(q, k, v, qAll, kAll, vAll, workspace);
    runForward(of, qAll, kAll, vAll, outAll, lse, workspace);
    swap.queriesToTokens(outAll, out, workspace);
    return new SavedAttention(of, false, qAll, kAll, vAll, outAll, lse);
  }

  @Override
  public Saved linearAttention(
      Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace workspace) {
    q.require("q", compute, tokens, allHeads, headDim);
    k.require("k", compute, tokens, allKvHeads, headDim);
    v.require("v", compute, tokens, allKvHeads, headDim);
    out.require("out", compute, tokens, allHeads, headDim);
    return linear.forward(q, k, v, slopes, out, workspace);
  }

  /** Partial outputs are merged in f32 and rounded to the compute dtype once. */
  private void runForward(
      Programs of, Tensor q, Tensor k, Tensor v, Tensor out, Tensor lse, Workspace workspace) {
    if (compute == DType.F32) {
      ring.forward(of.forward, q, k, v, out, lse, workspace);
      return;
    }
    long mark = workspace.scratchMark();
    Tensor sum = workspace.scratch(DType.F32, out.dim(0), out.dim(1), out.dim(2));
    ring.forward(of.forward, q, k, v, sum, lse, workspace);
    kernels.copy(sum, out);
    workspace.releaseScratch(mark);
  }

  @Override
  public void backward(
      Saved saved, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Workspace workspace) {
    dOut.require("dOut", compute, tokens, allHeads, headDim);
    dq.require("dq", DType.F32, tokens, allHeads, headDim);
    dk.require("dk", DType.F32, tokens, allKvHeads, headDim);
    dv.require("dv", DType.F32, tokens, allKvHeads, headDim);
    if (saved instanceof StatePassing.SavedLinearAttention s) {
      linear.backward(s, dOut, dq, dk, dv, workspace);
      return;
    }
    SavedAttention a = (SavedAttention) saved;
    long mark = workspace.scratchMark();
    long all = a.q.dim(0);
    Tensor delta = workspace.scratch(DType.F32, all, heads);
    UlyssesExchange swap = exchange;
    if (swap == null) {
      kernels.attentionDelta(a.out, dOut, delta);
      ring.backward(a.programs.backward, a.q, a.k, a.v, dOut, a.lse, delta, dq, dk, dv, workspace);
    } else {
      Tensor dOutAll = workspace.scratch(compute, all, heads, headDim);
      Tensor dqAll = workspace.scratch(DType.F32, all, heads, headDim);
      Tensor dkAll = workspace.scratch(DType.F32, all, kvHeads, headDim);
      Tensor dvAll = workspace.scratch(DType.F32, all, kvHeads, headDim);
      swap.queriesToHeads(dOut, dOutAll, workspace);
      kernels.attentionDelta(a.out, dOutAll, delta);
      ring.backward(
          a.programs.backward,
          a.q,
          a.k,
          a.v,
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

  @Override
  public void sumOverRow(double[] values) {
    row.sum(values);
  }
}
