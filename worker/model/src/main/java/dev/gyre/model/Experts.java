package dev.gyre.model;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.parameters.ParameterNames;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.port.ExpertGroup.Round;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.job.ModelSpec;
import java.util.List;

/**
 * Rows to their experts, through SwiGLU, and back, in as many rounds as the group agrees on. The
 * first round's activations are saved; those of later rounds, which only unbalanced steps have, are
 * computed again in the backward pass, so that memory is bounded by one round.
 */
final class Experts {
  private final Ops ops;
  private final ExpertGroup group;
  private final String gateUpName;
  private final String downName;
  private final long experts;
  private final long hidden;
  private final long width;

  Experts(Ops ops, ModelSpec model, ExpertGroup group, int layer) {
    this.ops = ops;
    this.group = group;
    ParameterNames names = new ParameterNames(layer);
    this.gateUpName = names.expertGate(group.firstExpert());
    this.downName = names.expertDown(group.firstExpert());
    this.experts = group.localExperts();
    this.hidden = model.hiddenSize();
    this.width = model.intermediateSize();
  }

  /** What one round's backward needs: R received rows. */
  private record Activations(Tensor received, Tensor gateUp, Tensor h) {}

  /**
   * @param h compute [T,d]
   * @return experts' outputs compute [M,d] in sorted row order
   */
  Variable forward(Variable h, Routing routing) {
    Workspace workspace = ops.workspace;
    Kernels kernels = ops.kernels;
    long rowCount = routing.tokenOfRow().elements();
    Tensor out = workspace.save(ops.compute, rowCount, hidden);
    List<Round> rounds = group.plan(routing.rowsPerExpert());
    long mark = workspace.scratchMark();
    Tensor rows = gather(h, routing);
    Activations first = null;
    for (int r = 0; r < rounds.size(); r++) {
      Round round = rounds.get(r);
      long roundMark = workspace.scratchMark();
      Activations a = allocate(round, r == 0);
      compute(round, rows, a);
      if (r == 0) {
        first = a;
      }
      Tensor computed = workspace.scratch(ops.compute, round.receivedRows(), hidden);
      kernels.groupedLinear(a.h(), down(), round.localOffsets(), computed);
      group.combine(round, computed, out);
      workspace.releaseScratch(roundMark);
    }
    workspace.releaseScratch(mark);
    Variable y = new Variable("expert outputs", out, ops.compute);
    Activations saved = first;
    if (saved == null) {
      throw new IllegalStateException("the expert group planned no round; one is the least");
    }
    ops.tape.record(() -> backward(h, routing, rounds, saved, y));
    return y;
  }

  private Tensor gather(Variable h, Routing routing) {
    Tensor rows = ops.workspace.scratch(ops.compute, routing.tokenOfRow().elements(), hidden);
    ops.kernels.gatherRows(h.value(), routing.tokenOfRow(), rows);
    return rows;
  }

  private Activations allocate(Round round, boolean save) {
    long received = round.receivedRows();
    return new Activations(
        allocate(save, received, hidden),
        allocate(save, received, 2 * width),
        allocate(save, received, width));
  }

  private Tensor allocate(boolean save, long rows, long columns) {
    return save
        ? ops.workspace.save(ops.compute, rows, columns)
        : ops.workspace.scratch(ops.compute, rows, columns);
  }

  private void compute(Round round, Tensor rows, Activations a) {
    group.dispatch(round, rows, a.received());
    ops.kernels.groupedLinear(a.received(), gateUp(), round.localOffsets(), a.gateUp());
    ops.kernels.swiglu(a.gateUp(), a.h());
  }

  /** A later round's activations, made again in scratch. */
  private Activations recompute(Round round, Variable h, Routing routing) {
    Activations a = allocate(round, false);
    long mark = ops.workspace.scratchMark();
    compute(round, gather(h, routing), a);
    ops.workspace.releaseScratch(mark);
    return a;
  }

  private void backward(
      Variable h, Routing routing, List<Round> rounds, Activations first, Variable y) {
    Workspace workspace = ops.workspace;
    long rowCount = routing.tokenOfRow().elements();
    Tensor dOut = y.gradient();
    Tensor dh = h.gradientToAdd(workspace, ops.kernels);
    long mark = workspace.scratchMark();
    Tensor dRows = workspace.scratch(ops.compute, rowCount, hidden);
    for (int r = 0; r < rounds.size(); r++) {
      long roundMark = workspace.scratchMark();
      Activations a = r == 0 ? first : recompute(rounds.get(r), h, routing);
      roundBackward(rounds.get(r), a, dOut, dRows);
      workspace.releaseScratch(roundMark);
    }
    ops.kernels.scatterAddRows(dRows, routing.tokenOfRow(), dh);
    workspace.releaseScratch(mark);
  }

  /** The adjoint of combine is dispatch, and the other way round. */
  private void roundBackward(Round round, Activations a, Tensor dOut, Tensor dRows) {
    Workspace workspace = ops.workspace;
    Kernels kernels = ops.kernels;
    int[] offsets = round.localOffsets();
    long received = round.receivedRows();
    Tensor dComputed = workspace.scratch(ops.compute, received, hidden);
    group.dispatch(round, dOut, dComputed);
    Tensor dH = workspace.scratch(ops.compute, received, width);
    kernels.groupedLinearBackwardInput(dComputed, down(), offsets, dH);
    kernels.groupedLinearBackwardWeight(
        dComputed, a.h(), offsets, ops.store.gradient(downName, experts, hidden, width));
    Tensor dGateUp = workspace.scratch(ops.compute, received, 2 * width);
    kernels.swigluBackward(dH, a.gateUp(), dGateUp);
    kernels.groupedLinearBackwardWeight(
        dGateUp, a.received(), offsets, ops.store.gradient(gateUpName, experts, 2 * width, hidden));
    // The received gradient is done with: its place takes the gradient that goes back.
    kernels.groupedLinearBackwardInput(dGateUp, gateUp(), offsets, dComputed);
    group.combine(round, dComputed, dRows);
  }

  private Tensor gateUp() {
    return ops.store.weight(gateUpName, experts, 2 * width, hidden);
  }

  private Tensor down() {
    return ops.store.weight(downName, experts, hidden, width);
  }
}
