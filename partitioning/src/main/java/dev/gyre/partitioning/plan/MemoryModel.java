package dev.gyre.partitioning.plan;

import static dev.gyre.partitioning.plan.CostModel.F32_BYTES;

import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import java.util.List;

/** Memory of the rank with the highest use, for a job on a mesh, under any activation policy. */
final class MemoryModel {
  /** Limit for the head's f32 logits of one tile. */
  private static final long LOSS_TILE_BYTES = 64L << 20;

  /**
   * Tokens of a loss tile at a small vocabulary: larger tiles do not speed up the head's matmuls.
   */
  private static final long MOST_LOSS_TILE = 1024;

  private final ModelSpec model;
  private final ModelSize size;
  private final Mesh mesh;
  private final long elementBytes;
  private final ExpertPlacement placement;
  private final long expertRowsBound;
  private final long mostRingTokens;
  private final long fullRowRingTokens;
  private final long forwardSlotsPerRow;
  private final long backwardSlotsPerRow;
  private final boolean moved;

  /**
   * @param layout token layout of rows
   * @param mostRingTokens of {@link #mostRingTokens}
   * @param row one document of the full length
   * @param schedules of each mask, for that row, which needs the most memory
   */
  MemoryModel(
      ModelSpec model,
      Mesh mesh,
      String dtype,
      ExpertPlacement placement,
      LayoutKind layout,
      long expertRowsBound,
      long mostRingTokens,
      SequenceLayout row,
      List<AttentionSchedule> schedules) {
    this.model = model;
    this.mesh = mesh;
    this.placement = placement;
    this.moved = mesh.rowRanks() > 1 && layout != LayoutKind.CONTIGUOUS;
    this.expertRowsBound = expertRowsBound;
    this.mostRingTokens = mostRingTokens;
    size = ModelSize.of(model);
    elementBytes = CostModel.elementBytes(dtype);
    long tokens = 0;
    for (int r = 0; r < row.ring(); r++) {
      tokens = Math.max(tokens, row.tokens(r));
    }
    fullRowRingTokens = tokens;
    HeadSplit split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
    long forward = 0;
    long backward = 0;
    for (HeadSplit.Part part : split.parts()) {
      MessageBytes bytes =
          new MessageBytes(
              part.queryHeads(),
              part.kvHeads(),
              model.heads().size(),
              Math.toIntExact(elementBytes));
      for (AttentionSchedule schedule : schedules) {
        forward = Math.max(forward, ScheduleMemory.forwardBytesPerRow(schedule, bytes));
        backward = Math.max(backward, ScheduleMemory.backwardBytesPerRow(schedule, bytes));
      }
    }
    forwardSlotsPerRow = forward;
    backwardSlotsPerRow = backward;
  }

  /**
   * Most tokens of a ring rank, for any documents. Zigzag: each cut document gives a rank at most
   * one token above its even share, and an uncut document goes to a rank at or below the mean.
   */
  static long mostRingTokens(LayoutKind kind, int ring, int minChunk, int sequenceLength) {
    long even = Math.ceilDiv(sequenceLength, ring);
    if (kind != LayoutKind.ZIGZAG || ring == 1) {
      return even;
    }
    long shortest = 2L * ring * minChunk;
    return Math.min(sequenceLength, even + Math.max(shortest, sequenceLength / shortest));
  }

  /** Tokens whose logits are in memory at once: as many as 64 MiB of f32 hold, from 16 to 1,024. */
  static int lossTile(ModelSpec model) {
    long rows = LOSS_TILE_BYTES / (F32_BYTES * model.vocabulary());
    return Math.toIntExact(Math.clamp(rows, 16, MOST_LOSS_TILE));
  }

  MemoryEstimate estimate(ActivationPlan policy) {
    PassMemory.Result one = pass(policy, mostRingTokens, expertRowsBound, false);
    PassMemory.Result several = pass(policy, mostRingTokens, expertRowsBound, true);
    PassMemory.Result worst = one.stack().peak() >= several.stack().peak() ? one : several;
    PassMemory.Result even = pass(policy, fullRowRingTokens, balancedRows(), false);
    StackModel stack = worst.stack();
    // Expert rank 0 has the larger share.
    long experts = size.expert() * placement.count(0);
    long replicas = mesh.workers() / mesh.expertParallel();
    long held = size.dense() + experts;
    long exactShard = Math.ceilDiv(size.alwaysF32(), mesh.workers());
    long shard =
        Math.ceilDiv(size.dense() - size.alwaysF32(), mesh.workers())
            + Math.ceilDiv(experts, replicas);
    // Two moments, and a master copy of what the compute copy does not hold in f32 already.
    long copies = elementBytes == F32_BYTES ? 2 : 3;
    return new MemoryEstimate(
        (held - size.alwaysF32()) * elementBytes + size.alwaysF32() * F32_BYTES,
        held * F32_BYTES,
        (shard * copies + exactShard * 2) * F32_BYTES,
        stack.peakSaved(),
        stack.peakExperts(),
        stack.peak() - stack.peakSaved() - stack.peakExperts(),
        even.stack().peak(),
        Math.max(one.stored(), several.stored()));
  }

  private PassMemory.Result pass(
      ActivationPlan policy, long ringTokens, long received, boolean severalRounds) {
    PassShape shape =
        new PassShape(
            Math.ceilDiv(ringTokens, mesh.ulysses()),
            ringTokens,
            received,
            severalRounds,
            forwardSlotsPerRow * ringTokens,
            backwardSlotsPerRow * ringTokens,
            moved);
    return PassMemory.of(model, mesh, elementBytes, policy, shape);
  }

  /** Expert rank 0's share of the rows of its expert group, with balanced routing. */
  private long balancedRows() {
    if (size.experts() == 0) {
      return 0;
    }
    long tokens = Math.ceilDiv(fullRowRingTokens, mesh.ulysses());
    long ofGroup = tokens * size.expertsPerToken() * mesh.expertParallel();
    return Math.ceilDiv(ofGroup * placement.count(0), size.experts());
  }
}
