package dev.gyre.trainer.sequence;

import dev.gyre.comms.Collective;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.LinearAttentionLayout.Move;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.trainer.exchange.TensorExchange;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Moves tokens from a row's layout into rank order and back. The tokens for one rank are one
 * contiguous piece of the sender's, sent in place. The concatenated received pieces are put in
 * order by one gather.
 *
 * <p>Legend: t this rank's tokens in the layout, n in rank order.
 */
final class LayoutRedistribution {
  private final Kernels kernels;
  private final TensorExchange exchange;

  /**
   * For each rank, the first of this rank's t tokens that goes there, and the first of its n that
   * comes from there.
   */
  private final int[] outStart;

  private final int[] inStart;

  private final Tensor order; // I32 [n]: token in rank order -> place as received
  private final Tensor back; // I32 [n]: the inverse

  /**
   * @param exchange among the ranks of the row
   * @param workspace holds the index tensors as long as the micro-batch
   */
  LayoutRedistribution(
      Backend backend, TensorExchange exchange, LinearAttentionLayout layout, Workspace workspace) {
    this.kernels = backend.kernels();
    this.exchange = exchange;
    int me = exchange.rank();
    outStart = new int[exchange.size() + 1];
    inStart = new int[exchange.size() + 1];
    order = workspace.save(DType.I32, layout.tokens(me));
    back = workspace.save(DType.I32, layout.tokens(me));
    for (Move move : layout.moves()) {
      if (move.from() == me) {
        outStart[move.to() + 1] = move.tokens();
      }
      if (move.to() == me) {
        inStart[move.from() + 1] = move.tokens();
      }
    }
    backend.onHost(List.of(), List.of(order, back), () -> index(layout, me));
    for (int r = 0; r < exchange.size(); r++) {
      outStart[r + 1] += outStart[r];
      inStart[r + 1] += inStart[r];
    }
  }

  private void index(LinearAttentionLayout layout, int me) {
    MemorySegment orders = order.segment();
    MemorySegment backs = back.segment();
    int at = 0;
    for (Move move : layout.moves()) {
      if (move.to() == me) {
        for (TokenRange run : move.runs()) {
          for (int p = run.start(); p < run.end(); p++) {
            int token = p - layout.start(me);
            orders.setAtIndex(ValueLayout.JAVA_INT, token, at);
            backs.setAtIndex(ValueLayout.JAVA_INT, at++, token);
          }
        }
      }
    }
  }

  /** n. */
  int ordered() {
    return inStart[exchange.size()];
  }

  /** From [t,..] to [n,..] in rank order, each pair at once; any dtype. */
  void toOrder(Tensor[] mine, Tensor[] inOrder, Workspace ws) {
    exchange.where().phase("tokens to rank order");
    long mark = ws.scratchMark();
    Tensor[] received = new Tensor[mine.length];
    for (int i = 0; i < mine.length; i++) {
      Tensor rows = rows(mine[i]);
      received[i] = ws.scratch(rows.dtype(), ordered(), rows.width());
      give(rows, outStart, received[i], inStart);
    }
    exchange.run(Collective.MOVE);
    for (int i = 0; i < mine.length; i++) {
      kernels.gatherRows(received[i], order, rows(inOrder[i]));
    }
    ws.releaseScratch(mark);
  }

  /** From [n,..] in rank order back to [t,..], each pair at once; any dtype. */
  void toLayout(Tensor[] inOrder, Tensor[] mine, Workspace ws) {
    exchange.where().phase("tokens to the row's layout");
    long mark = ws.scratchMark();
    Tensor[] packed = new Tensor[mine.length];
    for (int i = 0; i < mine.length; i++) {
      Tensor rows = rows(inOrder[i]);
      packed[i] = ws.scratch(rows.dtype(), ordered(), rows.width());
      kernels.gatherRows(rows, back, packed[i]);
    }
    for (int i = 0; i < mine.length; i++) {
      give(packed[i], inStart, rows(mine[i]), outStart);
    }
    exchange.run(Collective.MOVE);
    ws.releaseScratch(mark);
  }

  private static Tensor rows(Tensor x) {
    return x.reshape(x.dim(0), x.dim(1) * x.dim(2));
  }

  private void give(Tensor from, int[] fromStart, Tensor to, int[] toStart) {
    for (int r = 0; r < exchange.size(); r++) {
      exchange.receive(r, to.slice(toStart[r], toStart[r + 1] - toStart[r]));
      exchange.send(r, from.slice(fromStart[r], fromStart[r + 1] - fromStart[r]));
    }
  }
}
