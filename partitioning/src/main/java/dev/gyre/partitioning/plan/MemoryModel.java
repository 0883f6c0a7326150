package dev.gyre.partitioning.plan;

import static dev.gyre.partitioning.plan.CostModel.F32_BYTES;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.DryRun.Peak;
import dev.gyre.partitioning.plan.DryRun.RowPass;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Memory of the rank with the highest use, for a job on a mesh, under any activation policy. */
final class MemoryModel {
  /** Limit for the head's f32 logits of one tile. */
  private static final long LOSS_TILE_BYTES = 64L << 20;

  /**
   * Tokens of a loss tile at a small vocabulary: larger tiles do not speed up the head's matmuls.
   */
  private static final long MOST_LOSS_TILE = 1024;

  /** A row as the ranks hold it. */
  private record Laid(SequenceLayout layout, @Nullable LinearAttentionLayout linear) {
    static Laid of(SequenceLayout layout, ModelSpec model) {
      return new Laid(layout, model.linearLayers() > 0 ? LinearAttentionLayout.of(layout) : null);
    }
  }

  private final DryRun dryRun;
  private final ModelSpec model;
  private final ModelSize size;
  private final Mesh mesh;
  private final String dtype;
  private final ExpertPlacement placement;
  private final long expertRowsBound;
  private final Laid even;
  private final Laid fullest;
  private final boolean uneven;
  private final FullestRanks ranks;
  private final Map<ActivationPlan, Peak> worst = new HashMap<>();

  /**
   * @param candidates schedules of each kind of layer, of which a row takes one
   * @param layout of rows, and the fewest tokens of a zigzag chunk
   * @param length tokens of a micro-step with the longest rows
   */
  MemoryModel(
      DryRun dryRun,
      RowSchedules schedules,
      Map<LayerKind, List<String>> candidates,
      LayoutKind layout,
      int minChunk,
      int length,
      long expertRowsBound) {
    this.dryRun = dryRun;
    this.model = schedules.model();
    this.mesh = schedules.mesh();
    this.dtype = schedules.dtype();
    this.expertRowsBound = expertRowsBound;
    size = ModelSize.of(model);
    placement = new ExpertPlacement(size.experts(), mesh.expertParallel());
    SequenceLayout row = row(layout, length, minChunk);
    even = Laid.of(row, model);
    long most = mostRingTokens(layout, mesh.ring(), minChunk, length);
    uneven = mostTokens(row) < most;
    long all = Math.min(most * mesh.ring(), Integer.MAX_VALUE - 1);
    fullest = uneven ? Laid.of(row(layout, (int) all, minChunk), model) : even;
    ranks =
        new FullestRanks(
            model, mesh, schedules.busiest(), row.ringTokens(), schedules.all(candidates, row));
  }

  /** The same with the bound of expert rows that follows from the length. */
  static MemoryModel of(
      DryRun dryRun,
      RowSchedules schedules,
      Map<LayerKind, List<String>> candidates,
      LayoutKind layout,
      int minChunk,
      int length) {
    long bound = expertRowsBound(schedules, layout, minChunk, length);
    return new MemoryModel(dryRun, schedules, candidates, layout, minChunk, length, bound);
  }

  /**
   * With balanced routing a rank receives as many rows as it sends. The bound is twice that, at
   * most all rows of the expert group, and at least one so that rounds terminate.
   */
  private static long expertRowsBound(
      RowSchedules schedules, LayoutKind layout, int minChunk, int length) {
    Mesh mesh = schedules.mesh();
    long perToken = schedules.model().expertsPerToken();
    long balanced = perToken * Math.ceilDiv(length, mesh.degree(Axis.RING, Axis.ULYSSES));
    long ringTokens = mostRingTokens(layout, mesh.ring(), minChunk, length);
    long own = perToken * Math.ceilDiv(ringTokens, (long) mesh.ulysses());
    return Math.max(1, Math.min(2 * balanced, own * mesh.expertParallel()));
  }

  private SequenceLayout row(LayoutKind layout, int length, int minChunk) {
    return Layouts.of(layout, new Documents(length), mesh.ring(), mesh.ulysses(), minChunk);
  }

  private static int mostTokens(SequenceLayout layout) {
    return Arrays.stream(layout.ringTokens()).max().orElse(0);
  }

  /** One document as long as a micro-step. */
  SequenceLayout row() {
    return even.layout;
  }

  /** Most rows that a rank's experts receive in one round. */
  long expertRowsBound() {
    return expertRowsBound;
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

  /** Bytes of a worker. */
  long total(ActivationPlan policy) {
    Peak most = worst(policy);
    return estimate(most, most).total();
  }

  MemoryEstimate estimate(ActivationPlan policy) {
    Peak most = worst(policy);
    return estimate(
        most, size.experts() > 0 || uneven ? peak(policy, even, balancedRows(), 1) : most);
  }

  /** With the fullest layout, and as many expert rows as a round may have. */
  private Peak worst(ActivationPlan policy) {
    return worst.computeIfAbsent(
        policy.withReason(""),
        p -> {
          Peak one = peak(p, fullest, expertRowsBound, 1);
          if (size.experts() == 0) {
            return one;
          }
          Peak several = peak(p, fullest, expertRowsBound, 2);
          Peak most = several.bytes() > one.bytes() ? several : one;
          return new Peak(most.saved(), most.scratch(), Math.max(one.stored(), several.stored()));
        });
  }

  private MemoryEstimate estimate(Peak most, Peak balanced) {
    long elementBytes = CostModel.elementBytes(dtype);
    // Expert rank 0 has the larger share.
    long experts = size.expert() * placement.count(0);
    long biases = size.expertBiases() * placement.count(0);
    long replicas = mesh.degree(Axis.EXPERT_REPLICA);
    long held = size.dense() + experts + biases;
    long exact = size.alwaysF32() + biases;
    long exactShard =
        Math.ceilDiv(size.alwaysF32(), mesh.workers()) + Math.ceilDiv(biases, replicas);
    long shard =
        Math.ceilDiv(size.dense() - size.alwaysF32(), mesh.workers())
            + Math.ceilDiv(experts, replicas);
    // Two moments, and a master copy of what the compute copy does not hold in f32 already.
    long copies = elementBytes == F32_BYTES ? 2 : 3;
    return new MemoryEstimate(
        (held - exact) * elementBytes + exact * F32_BYTES,
        held * F32_BYTES,
        (shard * copies + exactShard * 2) * F32_BYTES,
        most.saved(),
        most.scratch(),
        balanced.bytes(),
        most.stored());
  }

  /** The peak of the rank that needs most. */
  private Peak peak(ActivationPlan policy, Laid row, long expertRows, int rounds) {
    Peak most = new Peak(0, 0, 0);
    int received = (int) Math.min(expertRows, Integer.MAX_VALUE);
    for (int rank : ranks.numbers()) {
      Peak peak =
          dryRun.of(
              new RowPass(
                  model,
                  mesh,
                  rank,
                  dtype,
                  policy,
                  row.layout,
                  row.linear,
                  ranks.schedules(),
                  received,
                  rounds));
      most = peak.bytes() > most.bytes() ? peak : most;
    }
    return most;
  }

  /** Expert rank 0's share of the rows of its expert group, with balanced routing. */
  private long balancedRows() {
    if (size.experts() == 0) {
      return 0;
    }
    long tokens = Math.ceilDiv(mostTokens(even.layout), mesh.ulysses());
    long ofGroup = tokens * size.expertsPerToken() * mesh.expertParallel();
    return Math.ceilDiv(ofGroup * placement.count(0), size.experts());
  }
}
