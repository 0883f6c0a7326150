package dev.gyre.trainer.experts;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Collective;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ExpertGroup;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.trainer.exchange.TensorExchange;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;

/**
 * Experts over the consecutive ranks of an expert group, by uneven all-to-all. The rows of each
 * (sending rank, expert) travel as one block, straight from their place to their destination.
 * Single-threaded; blocks until the peers have made the same call. Every rank of the group must
 * make the same calls.
 */
public final class ShardedExperts implements ExpertGroup {
  private final ProcessGroup group;
  private final int[] ranks;
  private final int me;
  private final int experts;
  private final int rowsBound;
  private final TensorExchange exchange;
  private final MemorySegment counts;
  private final long[] countOffsets;

  /**
   * @param experts of every MoE layer
   * @param rowsBound most rows that a rank receives in one round, the same on every rank
   * @param arena owns a few small buffers that are sent, and so is a shared one
   */
  public ShardedExperts(
      Transport transport, Mesh mesh, Backend backend, int experts, int rowsBound, Arena arena) {
    ranks = mesh.group(transport.rank(), Axis.EXPERT);
    if (experts > 0 && ranks.length > experts) {
      throw new IllegalArgumentException(
          "mesh.expert-parallel %d is more than the %d experts".formatted(ranks.length, experts));
    }
    if (rowsBound < 1) {
      throw new IllegalArgumentException("expert-rows-bound " + rowsBound + " must be positive");
    }
    this.me = mesh.place(transport.rank(), Axis.EXPERT);
    this.experts = experts;
    this.rowsBound = rowsBound;
    this.group = new ProcessGroup(transport, ranks, Channel.EXPERTS);
    this.exchange = new TensorExchange(backend, group);
    long width = (long) experts * Integer.BYTES;
    this.counts = arena.allocate(Math.max(width * ranks.length, 1), Long.BYTES);
    this.countOffsets = new long[ranks.length + 1];
    for (int r = 0; r <= ranks.length; r++) {
      countOffsets[r] = r * width;
    }
  }

  @Override
  public int firstExpert() {
    return (int) EvenCut.start(experts, ranks.length, me);
  }

  @Override
  public int localExperts() {
    return (int) EvenCut.count(experts, ranks.length, me);
  }

  @Override
  public List<Round> agreeOnRounds(int[] rowsPerExpert) {
    if (rowsPerExpert.length != experts) {
      throw new IllegalArgumentException(
          rowsPerExpert.length + " counts for " + experts + " experts");
    }
    exchange.where().phase("expert counts");
    long own = (long) me * experts;
    for (int e = 0; e < experts; e++) {
      counts.setAtIndex(ValueLayout.JAVA_INT, own + e, rowsPerExpert[e]);
    }
    group.allGather(counts, countOffsets);
    int[][] all = new int[ranks.length][experts];
    for (int r = 0; r < ranks.length; r++) {
      for (int e = 0; e < experts; e++) {
        all[r][e] = counts.getAtIndex(ValueLayout.JAVA_INT, (long) r * experts + e);
      }
    }
    return RoundPlan.of(all, me, rowsBound);
  }

  @Override
  public void dispatch(Round round, Tensor rows, Tensor received) {
    exchange.where().phase("expert dispatch");
    exchange(round, rows, received, true);
  }

  @Override
  public void combine(Round round, Tensor computed, Tensor rows) {
    exchange.where().phase("expert combine");
    exchange(round, rows, computed, false);
  }

  /**
   * Moves blocks between rows (sorted by expert, this rank's) and grouped (sorted by local expert,
   * then sending rank). Blocks without rows are not sent: both sides know.
   */
  private void exchange(Round round, Tensor rows, Tensor grouped, boolean dispatch) {
    for (int e = 0; e < localExperts(); e++) {
      int at = round.localOffsets()[e];
      for (int source = 0; source < exchange.size(); source++) {
        int count = round.receiveCount()[source][e];
        add(source, grouped.slice(at, count), !dispatch);
        at += count;
      }
    }
    for (int r = 0; r < exchange.size(); r++) {
      int end = (int) EvenCut.start(experts, exchange.size(), r + 1);
      for (int e = (int) EvenCut.start(experts, exchange.size(), r); e < end; e++) {
        add(r, rows.slice(round.sendStart()[e], round.sendCount()[e]), dispatch);
      }
    }
    exchange.run(dispatch ? Collective.DISPATCH : Collective.COMBINE);
  }

  private void add(int member, Tensor block, boolean send) {
    if (send) {
      exchange.send(member, block);
    } else {
      exchange.receive(member, block);
    }
  }
}
