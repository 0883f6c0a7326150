package dev.gyre.trainer.sequence;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.LinearAttentionLayout.Move;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.trainer.exchange.Transfers;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Moves tokens from a row's layout into rank order and back. The tokens for one rank are one
 * contiguous piece of the sender's, sent in place. The concatenated received pieces are put in
 * order by one gather.
 *
 * <p>Legend: t this rank's tokens in the layout, n in rank order.
 */
final class LayoutRedistribution {
  private static final int TAG = 0x0200_0000;

  private final Kernels kernels;
  private final Transfers transfers;
  private final int[] group;
  private final int me;

  /**
   * For each rank, the first of this rank's t tokens that goes there, and the first of its n that
   * comes from there.
   */
  private final int[] outStart;

  private final int[] inStart;

  private final Tensor order; // I32 [n]: token in rank order -> place as received
  private final Tensor back; // I32 [n]: the inverse

  /**
   * @param group world rank of each rank of the row
   * @param workspace holds the index tensors as long as the micro-batch
   */
  LayoutRedistribution(
      Backend backend,
      Transfers transfers,
      LinearAttentionLayout layout,
      int[] group,
      int me,
      Workspace workspace) {
    this.kernels = backend.kernels();
    this.transfers = transfers;
    this.group = group;
    this.me = me;
    outStart = new int[group.length + 1];
    inStart = new int[group.length + 1];
    order = workspace.save(DType.I32, layout.tokens(me));
    back = workspace.save(DType.I32, layout.tokens(me));
    backend.hostWrites(order);
    backend.hostWrites(back);
    MemorySegment orders = order.segment();
    MemorySegment backs = back.segment();
    int at = 0;
    for (Move move : layout.moves()) {
      if (move.from() == me) {
        outStart[move.to() + 1] = move.tokens();
      }
      if (move.to() == me) {
        inStart[move.from() + 1] = move.tokens();
        for (TokenRange run : move.runs()) {
          for (int p = run.start(); p < run.end(); p++) {
            int token = p - layout.start(me);
            orders.setAtIndex(ValueLayout.JAVA_INT, token, at);
            backs.setAtIndex(ValueLayout.JAVA_INT, at++, token);
          }
        }
      }
    }
    for (int r = 0; r < group.length; r++) {
      outStart[r + 1] += outStart[r];
      inStart[r + 1] += inStart[r];
    }
  }

  /** n. */
  int ordered() {
    return inStart[group.length];
  }

  /** From [t,..] to [n,..] in rank order, each pair at once; any dtype. */
  void toOrder(Tensor[] mine, Tensor[] inOrder, Workspace ws) {
    transfers.transport().where().phase("tokens to rank order");
    long mark = ws.scratchMark();
    Tensor[] received = new Tensor[mine.length];
    transfers.begin("move");
    for (int i = 0; i < mine.length; i++) {
      Tensor rows = rows(mine[i]);
      received[i] = ws.scratch(rows.dtype(), ordered(), rows.width());
      exchange(rows, outStart, received[i], inStart);
    }
    transfers.await();
    for (int i = 0; i < mine.length; i++) {
      kernels.gatherRows(received[i], order, rows(inOrder[i]));
    }
    ws.releaseScratch(mark);
  }

  /** From [n,..] in rank order back to [t,..], each pair at once; any dtype. */
  void toLayout(Tensor[] inOrder, Tensor[] mine, Workspace ws) {
    transfers.transport().where().phase("tokens to the row's layout");
    long mark = ws.scratchMark();
    Tensor[] packed = new Tensor[mine.length];
    for (int i = 0; i < mine.length; i++) {
      Tensor rows = rows(inOrder[i]);
      packed[i] = ws.scratch(rows.dtype(), ordered(), rows.width());
      kernels.gatherRows(rows, back, packed[i]);
    }
    transfers.begin("move");
    for (int i = 0; i < mine.length; i++) {
      exchange(packed[i], inStart, rows(mine[i]), outStart);
    }
    transfers.await();
    ws.releaseScratch(mark);
  }

  private static Tensor rows(Tensor x) {
    return x.reshape(x.dim(0), x.dim(1) * x.dim(2));
  }

  private void exchange(Tensor from, int[] fromStart, Tensor to, int[] toStart) {
    for (int r = 0; r < group.length; r++) {
      Tensor block = from.slice(fromStart[r], fromStart[r + 1] - fromStart[r]);
      Tensor place = to.slice(toStart[r], toStart[r + 1] - toStart[r]);
      if (r == me) {
        kernels.copy(block, place);
        continue;
      }
      if (place.dim(0) > 0) {
        transfers.receive(group[r], TAG, place);
      }
      if (block.dim(0) > 0) {
        transfers.send(group[r], TAG, block);
      }
    }
  }
}
