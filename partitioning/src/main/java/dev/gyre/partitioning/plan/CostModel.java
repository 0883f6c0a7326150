package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerSpec;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.HeadSplit;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * FLOPs and bytes from shapes alone, in whole numbers. A row counts as one document of the full
 * length, which is the most work a row can have and the same for every batch.
 */
public final class CostModel {
  static final long F32_BYTES = 4;

  private final ModelSpec model;
  private final TrainSpec train;
  private final Mesh mesh;
  private final ModelSize size;
  private final long elementBytes;

  /**
   * @param dtype compute dtype, {@code bf16} or {@code f32}
   */
  public CostModel(ModelSpec model, TrainSpec train, Mesh mesh, String dtype) {
    this.model = model;
    this.train = train;
    this.mesh = mesh;
    size = ModelSize.of(model);
    elementBytes = elementBytes(dtype);
  }

  static long elementBytes(String dtype) {
    return dtype.equals("bf16") ? 2 : F32_BYTES;
  }

  /** Pairs a row's attention computes in one layer: exactly the visible ones. */
  public static long visiblePairs(Documents documents, AttentionMask mask) {
    return MaskArea.of(documents, mask);
  }

  /** FLOPs of a row's attention, all layers, forward and backward. */
  public static long attentionFlops(ModelSpec model, Documents documents) {
    Map<AttentionMask, Long> pairs = new HashMap<>();
    long flops = 0;
    for (LayerSpec layer : model.layers()) {
      flops =
          Math.addExact(
              flops,
              layer
                  .mixer()
                  .flops(
                      documents.tokens(),
                      mask -> pairs.computeIfAbsent(mask, m -> visiblePairs(documents, m))));
    }
    return flops;
  }

  /**
   * FLOPs of everything but attention: 2 per weight and token forward, 4 backward. Experts count
   * for the tokens routed to them.
   */
  public static long linearFlops(ModelSpec model, long tokens) {
    return Math.multiplyExact(6 * ModelSize.of(model).multiplied(), tokens);
  }

  /** Rows the busiest data rank computes in a step. */
  private long rows() {
    return Math.ceilDiv(train.rowsPerStep(), mesh.dataParallel());
  }

  /**
   * @param schedules of every kind of softmax layers, with what they send for a row of the full
   *     length
   * @param layout token layout of rows, with zigzag chunks of at least {@code minChunk} tokens
   * @param recompute as {@link ActivationPlan} names it: recomputed attention and experts
   *     communicate again
   */
  public StepCost step(
      List<ScheduleChoice> schedules, LayoutKind layout, int minChunk, String recompute) {
    boolean attentionAgain = recompute.equals(ActivationPlan.ALL);
    int ranks = mesh.degree(Axis.RING, Axis.ULYSSES);
    long tokens = rows() * train.sequenceLength();
    long attentionFlops =
        Math.multiplyExact(rows(), attentionFlops(model, new Documents(train.sequenceLength())));
    long ringBytes = 0;
    for (ScheduleChoice choice : schedules) {
      ringBytes += choice.forecast().bytes() * model.layers(choice.layers());
    }
    return new StepCost(
        busiestLinearFlops(tokens, ranks),
        attentionFlops / ranks,
        rows() * ringBytes / ranks,
        rows() * (model.depth() - model.linearLayers()) * ulyssesBytesOfRow(attentionAgain) / ranks,
        rows() * linearBytesOfRow(layout, minChunk, states(attentionAgain)) / ranks,
        rows() * linearBytesOfRow(layout, minChunk, moves(attentionAgain)) / ranks,
        expertBytes(tokens / ranks, !recompute.equals(ActivationPlan.NONE)),
        gradientBytes(),
        parameterBytes());
  }

  /**
   * FLOPs of the slowest rank: an even share of everything but the experts, and the experts of the
   * rank with the most expert rows.
   */
  private long busiestLinearFlops(long tokens, int ranks) {
    long rows = tokens * size.expertsPerToken() / ranks;
    long perRow = Math.multiplyExact(6L, size.expert());
    ExpertPlacement placement = new ExpertPlacement(size.experts(), mesh.expertParallel());
    long over = placement.busiest(rows, size.expertsPerToken()) - rows;
    return Math.addExact(linearFlops(model, tokens) / ranks, Math.multiplyExact(perRow, over));
  }

  /** Bytes that one rank sends in one linear layer. */
  private interface LinearTraffic {
    long of(LinearAttentionBytes bytes, LinearAttentionLayout layout, int rank);
  }

  private static LinearTraffic states(boolean forwardAgain) {
    return (bytes, layout, rank) ->
        bytes.states(layout, rank) + (forwardAgain ? bytes.forwardStates(layout, rank) : 0);
  }

  private static LinearTraffic moves(boolean forwardAgain) {
    return (bytes, layout, rank) ->
        bytes.moves(layout, rank) + (forwardAgain ? bytes.forwardMoves(layout, rank) : 0);
  }

  /** Bytes of all linear layers and all ranks of a row. */
  private long linearBytesOfRow(LayoutKind layout, int minChunk, LinearTraffic traffic) {
    if (model.linearLayers() == 0 || mesh.degree(Axis.RING, Axis.ULYSSES) == 1) {
      return 0;
    }
    LinearAttentionLayout linear =
        LinearAttentionLayout.of(
            Layouts.of(
                layout,
                new Documents(train.sequenceLength()),
                mesh.ring(),
                mesh.ulysses(),
                minChunk));
    LinearAttentionBytes bytes = LinearAttentionBytes.of(model, Math.toIntExact(elementBytes));
    long sum = 0;
    for (int rank = 0; rank < mesh.degree(Axis.RING, Axis.ULYSSES); rank++) {
      sum += traffic.of(bytes, linear, rank);
    }
    return model.linearLayers() * sum;
  }

  /**
   * Bytes of the Ulysses all-to-all in one layer, all ranks of a row. Forward exchanges q, k, v and
   * the output in the compute dtype; backward exchanges dOut in the compute dtype and dq, dk, dv in
   * f32. A rank does not send its own tokens' part of its own heads.
   */
  private long ulyssesBytesOfRow(boolean forwardAgain) {
    HeadSplit split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
    long kvHeads = 0;
    for (HeadSplit.Part part : split.parts()) {
      kvHeads += part.kvHeads();
    }
    long queryAway = 0;
    long kvAway = 0;
    for (int r = 0; r < mesh.ring(); r++) {
      long tokens = EvenCut.count(train.sequenceLength(), mesh.ring(), r);
      for (int u = 0; u < mesh.ulysses(); u++) {
        long own = EvenCut.count(tokens, mesh.ulysses(), u);
        HeadSplit.Part part = split.parts().get(u);
        queryAway += own * (model.heads().queries() - part.queryHeads());
        kvAway += own * (kvHeads - part.kvHeads());
      }
    }
    int forwards = forwardAgain ? 2 : 1;
    long perQuery = (2L * forwards + 1) * elementBytes + F32_BYTES;
    long perKv = 2L * forwards * elementBytes + 2 * F32_BYTES;
    return (queryAway * perQuery + kvAway * perKv) * model.heads().size();
  }

  /**
   * Predicted time of all layers' attention over all rows of the full length; 0 if a rate is
   * unknown.
   */
  long attentionMicros(List<ScheduleChoice> schedules) {
    long micros = 0;
    for (ScheduleChoice choice : schedules) {
      micros += choice.forecast().micros() * model.layers(choice.layers());
    }
    return rows() * micros;
  }

  /**
   * Bytes of dispatch and combine, forward and backward, and forward once more if experts are
   * recomputed.
   */
  private long expertBytes(long tokensOfRank, boolean forwardAgain) {
    int exchanges = forwardAgain ? 6 : 4;
    long rows = tokensOfRank * size.expertsPerToken();
    long away = rows * (mesh.expertParallel() - 1) / mesh.expertParallel();
    return exchanges * away * model.width() * elementBytes * model.moeLayers();
  }

  private long gradientBytes() {
    long experts = meanOfExperts(size.expert()) + meanOfExperts(size.expertBiases());
    return (othersShare(size.dense(), mesh.workers()) + othersShare(experts, replicas()))
        * F32_BYTES;
  }

  private long parameterBytes() {
    return othersShare(size.alwaysF32(), mesh.workers()) * F32_BYTES
        + othersShare(size.dense() - size.alwaysF32(), mesh.workers()) * elementBytes
        + othersShare(meanOfExperts(size.expert()), replicas()) * elementBytes
        + othersShare(meanOfExperts(size.expertBiases()), replicas()) * F32_BYTES;
  }

  /**
   * How many of n values are outside of a rank's own shard, if they are divided into p even shards.
   */
  private static long othersShare(long n, int p) {
    return n - n / p;
  }

  /** Parameters of a rank's experts, in the mean over the ranks. */
  private long meanOfExperts(long ofExpert) {
    return ofExpert * size.experts() / mesh.expertParallel();
  }

  private int replicas() {
    return mesh.degree(Axis.EXPERT_REPLICA);
  }
}
