package dev.gyre.model;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.GatedExperts.Activations;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.model.port.ExpertGroup.Round;
import dev.gyre.model.tape.Retained;
import dev.gyre.model.tape.Variable;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Dispatches rows to their experts, computes their MLPs and returns the outputs, in as many rounds
 * as the group agrees on. A single round saves its activations. Several rounds, which only
 * unbalanced steps have, save nothing: backward dispatches and recomputes each, so that memory is
 * bounded by one round.
 */
final class Experts {
  private final Ops ops;
  private final ExpertGroup group;
  private final GatedExperts gated;
  private final long hidden;

  /**
   * @param tile rows of a tile, whose gate, up and hidden are in memory at once; 0 for all rows of
   *     a round
   */
  Experts(Ops ops, ModelSpec model, MixtureOfExperts spec, ExpertGroup group, int layer, int tile) {
    this.ops = ops;
    this.group = group;
    this.gated =
        new GatedExperts(ops, model, spec, layer, group.firstExpert(), group.localExperts(), tile);
    this.hidden = model.width();
  }

  /** The only round of a pass: R received rows, compute [R,d], and their saved activations. */
  private record Single(Tensor received, @Nullable Activations activations) {}

  /**
   * @param h compute [T,d]
   * @return experts' outputs compute [M,d] in sorted row order
   */
  Variable forward(Variable h, Routing routing) {
    Workspace workspace = ops.workspace;
    long rowCount = routing.tokenOfRow().elements();
    Tensor out = ops.tape.save(ops.compute, rowCount, hidden);
    List<Round> rounds =
        ops.tape.keep(Retained.ROUTING, () -> group.agreeOnRounds(routing.rowsPerExpert()));
    boolean save = rounds.size() == 1;
    Tensor received = save ? received(rounds.getFirst(), true) : null;
    long mark = workspace.scratchMark();
    Tensor rows = gather(h, routing);
    Activations activations = null;
    for (Round round : rounds) {
      long roundMark = workspace.scratchMark();
      Tensor in = received == null ? received(round, false) : received;
      group.dispatch(round, rows, in);
      Tensor computed = workspace.scratch(ops.compute, round.receivedRows(), hidden);
      activations = gated.forward(in, round.localOffsets(), save, computed);
      group.combine(round, computed, out);
      workspace.releaseScratch(roundMark);
    }
    workspace.releaseScratch(mark);
    Variable y = new Variable("expert outputs", out, ops.compute);
    @Nullable Single single = received == null ? null : new Single(received, activations);
    ops.tape.record(() -> backward(h, routing, rounds, single, y));
    return y;
  }

  private Tensor gather(Variable h, Routing routing) {
    Tensor rows = ops.workspace.scratch(ops.compute, routing.tokenOfRow().elements(), hidden);
    ops.kernels.gatherRows(h.value(), routing.tokenOfRow(), rows);
    return rows;
  }

  private Tensor received(Round round, boolean save) {
    return save
        ? ops.tape.save(ops.compute, round.receivedRows(), hidden)
        : ops.workspace.scratch(ops.compute, round.receivedRows(), hidden);
  }

  /** The adjoint of combine is dispatch, and vice versa. */
  private void backward(
      Variable h, Routing routing, List<Round> rounds, @Nullable Single single, Variable y) {
    Workspace workspace = ops.workspace;
    Tensor dOut = y.gradient();
    Tensor dh = h.gradientToAdd(workspace, ops.kernels);
    long mark = workspace.scratchMark();
    Tensor dRows = workspace.scratch(ops.compute, routing.tokenOfRow().elements(), hidden);
    for (Round round : rounds) {
      long roundMark = workspace.scratchMark();
      Tensor received = single == null ? receivedAgain(round, h, routing) : single.received;
      Tensor gradient = workspace.scratch(ops.compute, round.receivedRows(), hidden);
      group.dispatch(round, dOut, gradient);
      gated.backward(
          received, round.localOffsets(), single == null ? null : single.activations, gradient);
      group.combine(round, gradient, dRows);
      workspace.releaseScratch(roundMark);
    }
    ops.kernels.scatterAddRows(dRows, routing.tokenOfRow(), dh);
    workspace.releaseScratch(mark);
  }

  private Tensor receivedAgain(Round round, Variable h, Routing routing) {
    Tensor received = received(round, false);
    long mark = ops.workspace.scratchMark();
    group.dispatch(round, gather(h, routing), received);
    ops.workspace.releaseScratch(mark);
    return received;
  }
}
