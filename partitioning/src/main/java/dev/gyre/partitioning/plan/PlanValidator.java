package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.SchedulePass;
import java.util.BitSet;
import java.util.List;

/**
 * Proves plans before anything is sent. Pure, and quick enough to run for every batch: work is in
 * proportion to tiles and messages, never to tokens squared.
 */
public final class PlanValidator {
  private PlanValidator() {}

  /**
   * Proves for one row, forward and backward: every position is held once; every visible (query,
   * key) pair is computed exactly once and no other; every send has its receive, in order, with the
   * same item, owner and rows; there is no deadlock even without buffering; a rank holds what it
   * sends or computes with, and receives nothing twice; every partial result reaches its owner
   * exactly once, with all its rows.
   *
   * @param mask what it must compute
   * @throws InvalidPlanException naming the first violation found
   */
  public static void validate(
      SequenceLayout layout, AttentionSchedule schedule, AttentionMask mask) {
    proveLayout(layout);
    int ring = layout.ring();
    if (schedule.forward().size() != ring || schedule.backward().size() != ring) {
      throw new InvalidPlanException(
          "%d forward and %d backward programs for a ring of %d"
              .formatted(schedule.forward().size(), schedule.backward().size(), ring));
    }
    TileProof tiles = new TileProof(layout, mask);
    tiles.prove("forward", schedule.forward());
    tiles.prove("backward", schedule.backward());
    CoveredRows covered = new CoveredRows();
    new MessageProof(layout, SchedulePass.FORWARD, schedule.forward(), covered).prove();
    new MessageProof(layout, SchedulePass.BACKWARD, schedule.backward(), covered).prove();
  }

  /**
   * Proves for one row's linear-attention layers: every token is moved to, or stays at, the one
   * rank that computes it, exactly once and in order.
   *
   * @throws InvalidPlanException naming the rank or move
   */
  public static void validate(SequenceLayout layout, LinearAttentionLayout linear) {
    proveLayout(layout);
    new MoveProof(layout, linear).prove();
  }

  /**
   * Proves that every host has room for its ranks, each of which may be the fullest.
   *
   * @throws InvalidPlanException with the bytes of each category
   */
  public static void requireMemory(Plan plan, WorkerCapabilities workers) {
    List<WorkerCapabilities.Host> hosts = workers.hosts(plan.mesh().workers());
    for (int h = 0; h < hosts.size(); h++) {
      WorkerCapabilities.Host host = hosts.get(h);
      String where =
          hosts.size() == 1
              ? ""
              : " on host %d of %d, which has %s for %d"
                  .formatted(
                      h + 1,
                      hosts.size(),
                      MemoryEstimate.mebibytes(host.memoryBytes()),
                      host.ranks());
      requireMemory(plan, host.rankMemoryBytes(), where);
    }
  }

  private static void requireMemory(Plan plan, long workerBytes, String where) {
    MemoryEstimate memory = plan.memory();
    if (memory.total() > workerBytes) {
      throw new InvalidPlanException(
          ("a worker needs %s but has %s%s: %s. Activations (%s): %s. Use more %s,"
                  + " a shorter train.sequence-length, or a smaller model.")
              .formatted(
                  MemoryEstimate.mebibytes(memory.total()),
                  MemoryEstimate.mebibytes(workerBytes),
                  where,
                  memory.describe(),
                  plan.activations().describe(),
                  plan.activations().reason(),
                  // If the planner chose the expert-parallel degree, no other degree needs less
                  // memory.
                  plan.expertParallelForecasts().isEmpty()
                      ? "ring or expert ranks"
                      : "ring ranks"));
    }
  }

  private static void proveLayout(SequenceLayout layout) {
    int row = layout.documents().tokens();
    BitSet held = new BitSet(row);
    for (int r = 0; r < layout.ring(); r++) {
      int tokens = 0;
      for (TokenRange run : layout.runs(r)) {
        int taken = held.nextSetBit(run.start());
        if (run.end() > row || (taken >= 0 && taken < run.end())) {
          throw new InvalidPlanException(
              "ring rank %d holds positions %d to %d of a row of %d, some of them %s"
                  .formatted(
                      r,
                      run.start(),
                      run.end() - 1,
                      row,
                      run.end() > row ? "outside it" : "held already"));
        }
        held.set(run.start(), run.end());
        tokens += run.length();
      }
      if (tokens != layout.tokens(r)) {
        throw new InvalidPlanException(
            "ring rank %d has runs of %d tokens but says %d"
                .formatted(r, tokens, layout.tokens(r)));
      }
    }
    int missing = held.nextClearBit(0);
    if (missing < row) {
      throw new InvalidPlanException("no ring rank holds row position " + missing);
    }
  }
}
