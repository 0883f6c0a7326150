package dev.gyre.trainer.sequence;

import dev.gyre.comms.Collective;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.trainer.exchange.TensorExchange;
import org.jspecify.annotations.Nullable;

/**
 * Linear attention of one row over ranks that hold consecutive tokens. Every rank computes the
 * state of its own tokens. One exchange brings each rank the states of the earlier ranks that its
 * first document reaches back to. With L_r the state of rank r starting from zero and T_r its
 * tokens,
 *
 * <pre>S_before(p) = Σ_{r&lt;p} λ^(T_{r+1} + … + T_{p−1}) · L_r</pre>
 *
 * and backward the same with the gradients of states from later ranks. The bytes do not depend on
 * the row's length. A state is sent only to ranks that use it: never past a document's end, and
 * forward only to later ranks. Source: Sun et al., LASP-2, algorithms 2 and 4; this is their
 * all-gather without the states that no rank uses.
 *
 * <p>Legend: n this rank's tokens, H and K query and key/value heads, D head size, P ranks.
 */
final class StatePassing {
  private final Kernels kernels;
  private final TensorExchange exchange;
  private final int me;
  private final int ranks;
  private final int[] kvHeadOf;
  private final long heads;
  private final long kvHeads;
  private final long headDim;
  private final DType compute;

  private final LinearAttentionLayout layout;
  private final int[] documentStarts;
  private final @Nullable LayoutRedistribution moves;

  /**
   * @param borrowed whether q, k and v are the caller's tensors, not copies in rank order
   * @param q compute [n,H,D]; k, v compute [n,K,D]; in rank order
   * @param state F32 [H,D,D] before the first token
   */
  record SavedLinearAttention(
      boolean borrowed, Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state)
      implements Saved {
    @Override
    public boolean readsInputs() {
      return borrowed;
    }

    @Override
    public Saved withInputs(Tensor again, Tensor keys, Tensor values) {
      return borrowed ? new SavedLinearAttention(true, again, keys, values, pattern, state) : this;
    }
  }

  /**
   * @param exchange among the ranks of the row
   * @param workspace holds a few index tensors as long as the row is worked on
   */
  StatePassing(
      Backend backend,
      TensorExchange exchange,
      int[] kvHeadOf,
      int kvHeads,
      int headDim,
      DType compute,
      LinearAttentionLayout layout,
      Workspace workspace) {
    this.kernels = backend.kernels();
    this.exchange = exchange;
    this.me = exchange.rank();
    this.ranks = exchange.size();
    this.kvHeadOf = kvHeadOf;
    this.heads = kvHeadOf.length;
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.compute = compute;
    this.layout = layout;
    this.documentStarts = layout.documentStarts(me);
    this.moves =
        layout.moves().isEmpty()
            ? null
            : new LayoutRedistribution(backend, exchange, layout, workspace);
  }

  Saved forward(Tensor q, Tensor k, Tensor v, float[] slopes, Tensor out, Workspace ws) {
    DecayPattern pattern = new DecayPattern(kvHeadOf, slopes, documentStarts);
    LayoutRedistribution there = moves;
    if (there == null) {
      Tensor state = ws.save(DType.F32, heads, headDim, headDim);
      compute(q, k, v, pattern, state, out, ws);
      return new SavedLinearAttention(true, q, k, v, pattern, state);
    }
    long n = there.ordered();
    Tensor qs = ws.save(compute, n, heads, headDim);
    Tensor ks = ws.save(compute, n, kvHeads, headDim);
    Tensor vs = ws.save(compute, n, kvHeads, headDim);
    Tensor state = ws.save(DType.F32, heads, headDim, headDim);
    there.toOrder(new Tensor[] {q, k, v}, new Tensor[] {qs, ks, vs}, ws);
    long mark = ws.scratchMark();
    Tensor outs = ws.scratch(compute, n, heads, headDim);
    compute(qs, ks, vs, pattern, state, outs, ws);
    there.toLayout(new Tensor[] {outs}, new Tensor[] {out}, ws);
    ws.releaseScratch(mark);
    return new SavedLinearAttention(false, qs, ks, vs, pattern, state);
  }

  /**
   * @param state written: the state before the first token
   */
  private void compute(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out, Workspace ws) {
    long mark = ws.scratchMark();
    Tensor running = ws.scratch(DType.F32, heads, headDim, headDim);
    kernels.fill(running, 0);
    if (givesForward()) {
      kernels.linearAttentionState(k, v, pattern, false, running);
    }
    passStates(pattern, running, state, true, ws);
    kernels.copy(state, running);
    kernels.linearAttention(q, k, v, pattern, running, out);
    ws.releaseScratch(mark);
  }

  void backward(
      SavedLinearAttention a, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Workspace ws) {
    LayoutRedistribution there = moves;
    if (there == null) {
      gradients(a, dOut, dq, dk, dv, ws);
      return;
    }
    long mark = ws.scratchMark();
    long n = there.ordered();
    Tensor dOuts = ws.scratch(compute, n, heads, headDim);
    Tensor dqs = ws.scratch(DType.F32, n, heads, headDim);
    Tensor dks = ws.scratch(DType.F32, n, kvHeads, headDim);
    Tensor dvs = ws.scratch(DType.F32, n, kvHeads, headDim);
    there.toOrder(new Tensor[] {dOut}, new Tensor[] {dOuts}, ws);
    gradients(a, dOuts, dqs, dks, dvs, ws);
    there.toLayout(new Tensor[] {dqs, dks, dvs}, new Tensor[] {dq, dk, dv}, ws);
    ws.releaseScratch(mark);
  }

  private void gradients(
      SavedLinearAttention a, Tensor dOut, Tensor dq, Tensor dk, Tensor dv, Workspace ws) {
    long mark = ws.scratchMark();
    Tensor own = ws.scratch(DType.F32, heads, headDim, headDim);
    Tensor dState = ws.scratch(DType.F32, heads, headDim, headDim);
    kernels.fill(own, 0);
    if (givesBackward()) {
      kernels.linearAttentionState(a.q, dOut, a.pattern, true, own);
    }
    passStates(a.pattern, own, dState, false, ws);
    kernels.fill(dq, 0);
    kernels.fill(dk, 0);
    kernels.fill(dv, 0);
    kernels.linearAttentionBackward(a.q, a.k, a.v, a.pattern, a.state, dOut, dState, dq, dk, dv);
    ws.releaseScratch(mark);
  }

  private boolean givesForward() {
    return me + 1 < ranks && layout.continues(me, nextWithTokens(1));
  }

  private boolean givesBackward() {
    return me > 0 && layout.continues(nextWithTokens(-1), me);
  }

  /** The nearest rank with tokens in a direction; the last rank in it if none has. */
  private int nextWithTokens(int direction) {
    int last = direction > 0 ? ranks - 1 : 0;
    int r = me + direction;
    while (r != last && layout.tokens(r) == 0) {
      r += direction;
    }
    return r;
  }

  /**
   * Sends the own state to the ranks that use it, and combines theirs to the state at this rank's
   * border.
   *
   * @param forward from earlier ranks to later ones; else the reverse
   */
  private void passStates(
      DecayPattern pattern, Tensor own, Tensor border, boolean forward, Workspace ws) {
    kernels.fill(border, 0);
    long mark = ws.scratchMark();
    exchange.where().phase(forward ? "linear states" : "linear state gradients");
    int count = 0;
    for (int r = 0; r < ranks; r++) {
      count += givesTo(r, me, forward) ? 1 : 0;
    }
    Tensor theirs = ws.scratch(DType.F32, count, heads, headDim, headDim);
    int at = 0;
    for (int i = 0; i < ranks; i++) {
      int r = forward ? i : ranks - 1 - i; // farthest first
      if (givesTo(r, me, forward)) {
        exchange.receive(r, theirs.get(at++));
      }
      if (givesTo(me, r, forward)) {
        exchange.send(r, own);
      }
    }
    exchange.run(Collective.STATE);
    at = 0;
    for (int i = 0; i < ranks; i++) {
      int r = forward ? i : ranks - 1 - i;
      if (givesTo(r, me, forward)) {
        if (at > 0) {
          decay(border, pattern, layout.tokens(r));
        }
        kernels.add(theirs.get(at++), border);
      }
    }
    ws.releaseScratch(mark);
  }

  private boolean givesTo(int from, int to, boolean forward) {
    return forward ? layout.continues(from, to) : layout.continues(to, from);
  }

  private void decay(Tensor states, DecayPattern pattern, long tokens) {
    for (int h = 0; h < heads; h++) {
      kernels.scale(states.get(h), (float) pattern.decay(h, tokens));
    }
  }
}
