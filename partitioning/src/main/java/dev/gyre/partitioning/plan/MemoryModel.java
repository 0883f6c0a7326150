package dev.gyre.partitioning.plan;

import static dev.gyre.partitioning.plan.CostModel.F32_BYTES;

import dev.gyre.partitioning.job.ModelSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.MessageBytes;
import java.util.List;

/**
 * Memory of the fullest rank. Legend: T its tokens outside attention, S its tokens inside (the ring
 * rank's), H and K query and key/value widths (heads · head size), D the hidden size, F an expert's
 * width, V the vocabulary, E experts, k experts per token, M dispatched rows at the bound, e bytes
 * of the compute dtype.
 */
final class MemoryModel {
  /** Rows of logits that are live at once: the head and the loss work in tiles of tokens. */
  private static final long HEAD_TILE_ROWS = 1024;

  private final ModelSpec model;
  private final ModelSize size;
  private final Mesh mesh;
  private final long e;
  private final long tokens;
  private final long ringTokens;
  private final long slotBytesPerRow;

  /**
   * @param schedules of each mask, for a row of one document of the full length, which holds most
   */
  MemoryModel(
      ModelSpec model,
      Mesh mesh,
      String dtype,
      long ringTokens,
      List<AttentionSchedule> schedules) {
    this.model = model;
    this.mesh = mesh;
    this.ringTokens = ringTokens;
    size = ModelSize.of(model);
    e = CostModel.elementBytes(dtype);
    tokens = Math.ceilDiv(ringTokens, mesh.ulysses());
    int headDim = model.headDim();
    MessageBytes bytes =
        new MessageBytes(
            Math.toIntExact(ringQueryWidth() / headDim),
            Math.toIntExact(ringKvWidth() / headDim),
            headDim,
            Math.toIntExact(e));
    long most = 0;
    for (AttentionSchedule schedule : schedules) {
      most = Math.max(most, ScheduleMemory.bytesPerRow(schedule, bytes));
    }
    slotBytesPerRow = most;
  }

  /**
   * Most tokens of a ring rank, whatever the documents. Zigzag: cut documents leave a rank one
   * token over its even share each, and a document dealt whole goes to a rank at or below the mean.
   */
  static long mostRingTokens(LayoutKind kind, int ring, int minChunk, int sequenceLength) {
    long even = Math.ceilDiv(sequenceLength, ring);
    if (kind != LayoutKind.ZIGZAG || ring == 1) {
      return even;
    }
    long shortest = 2L * ring * minChunk;
    return Math.min(sequenceLength, even + Math.max(shortest, sequenceLength / shortest));
  }

  MemoryEstimate estimate(ExpertPlacement placement, long expertRowsBound) {
    // Expert rank 0 has the larger share.
    long experts = size.expertsOf(placement, 0);
    long replicas = mesh.workers() / mesh.expertParallel();
    long held = size.dense() + experts;
    long exactShard = Math.ceilDiv(size.alwaysF32(), mesh.workers());
    long shard =
        Math.ceilDiv(size.dense() - size.alwaysF32(), mesh.workers())
            + Math.ceilDiv(experts, replicas);
    // Two moments, and a master copy of what the compute copy does not hold in f32 already.
    long copies = e == F32_BYTES ? 2 : 3;
    return new MemoryEstimate(
        (held - size.alwaysF32()) * e + size.alwaysF32() * F32_BYTES,
        held * F32_BYTES,
        (shard * copies + exactShard * 2) * F32_BYTES,
        activations(),
        expertRows(expertRowsBound) * size.moeLayers(),
        scratch(expertRowsBound));
  }

  private long queryWidth() {
    return (long) model.numAttentionHeads() * model.headDim();
  }

  private long kvWidth() {
    return (long) model.numKeyValueHeads() * model.headDim();
  }

  /** Width of the key/value heads of one Ulysses rank: an even share, and one that is shared. */
  private long ringKvWidth() {
    long even = Math.ceilDiv(model.numKeyValueHeads(), mesh.ulysses());
    return Math.min(model.numKeyValueHeads(), even + (mesh.ulysses() > 1 ? 1 : 0))
        * (long) model.headDim();
  }

  private long ringQueryWidth() {
    return Math.ceilDiv(model.numAttentionHeads(), mesh.ulysses()) * (long) model.headDim();
  }

  private long activations() {
    long hidden = model.hiddenSize();
    // Per token: residual before attention and before the MLP, two normalised inputs, two rstd.
    long perToken = 2 * F32_BYTES * hidden + 2 * e * hidden + 2 * F32_BYTES;
    long linear = model.linearLayers() * (perToken * tokens + linearActivations());
    // q, k, v and the attention's output.
    perToken += e * (2 * queryWidth() + 2 * kvWidth());
    // After the exchange, per ring token: q, k, v, output, and lse of each head.
    long perRingToken = e * (2 * ringQueryWidth() + 2 * ringKvWidth());
    perRingToken += F32_BYTES * Math.ceilDiv(model.numAttentionHeads(), mesh.ulysses());
    long layers = model.numHiddenLayers();
    long softmax = layers - model.linearLayers();
    long dense = e * 3 * model.intermediateSize() * tokens * (layers - size.moeLayers());
    // Router: probabilities, lse, and k indices, weights, rows and slots.
    long router = (size.experts() + 1L + 4L * size.expertsPerToken()) * F32_BYTES;
    long ends = 3 * F32_BYTES * hidden + e * hidden;
    return linear
        + softmax * (perToken * tokens + perRingToken * ringTokens)
        + dense
        + size.moeLayers() * router * tokens
        + ends * tokens;
  }

  /** What one linear-attention layer keeps besides what every layer keeps. */
  private long linearActivations() {
    // q, k, v; silu of q and k; output and output normed, with its factor.
    long perToken = e * (4 * queryWidth() + 3 * kvWidth()) + F32_BYTES;
    // q, k, v in rank order.
    long moved = mesh.rowRanks() == 1 ? 0 : e * (queryWidth() + 2 * kvWidth());
    return (perToken + moved) * tokens + linearState();
  }

  private long linearState() {
    return F32_BYTES * queryWidth() * model.headDim();
  }

  /**
   * Of one linear layer backward: gradients in f32 of the residual and the normalised input, of
   * both outputs, of q, k, v and of what silu was taken of; in rank order dOut, dq, dk, dv, and
   * these as they travel; states of all ranks.
   */
  private long linearScratch() {
    long all = queryWidth() + 2 * kvWidth();
    long perToken = F32_BYTES * (3L * model.hiddenSize() + 3 * queryWidth() + kvWidth() + all);
    perToken += 2 * e * queryWidth();
    perToken += mesh.rowRanks() == 1 ? 0 : 2 * F32_BYTES * all;
    return perToken * tokens + (2L + mesh.rowRanks()) * linearState();
  }

  /** One layer: received rows, gate and up, hidden [M]; returned rows [T·k]. */
  private long expertRows(long bound) {
    return size.moeLayers() == 0 ? 0 : insideExperts(bound) + rowsOfTokens();
  }

  private long insideExperts(long bound) {
    return bound * e * (model.hiddenSize() + 3L * model.intermediateSize());
  }

  private long rowsOfTokens() {
    return tokens * size.expertsPerToken() * model.hiddenSize() * e;
  }

  private long scratch(long bound) {
    // Attention backward: dOut; dq, dk, dv and delta in f32; and what the schedule holds of other
    // ranks or, later, the gradients packed for the exchange.
    long exchange =
        mesh.ulysses() == 1
            ? 0
            : tokens * F32_BYTES * (queryWidth() + 2L * mesh.ulysses() * ringKvWidth());
    long attention =
        ringTokens
                * (e * ringQueryWidth()
                    + F32_BYTES
                        * (ringQueryWidth() + 2 * ringKvWidth() + model.numAttentionHeads()))
            + Math.max(ringTokens * slotBytesPerRow, exchange);
    // Gradients of q, k, v before the exchange, of the residual, and of a normalised input.
    long layer = tokens * F32_BYTES * (queryWidth() + 2 * kvWidth() + 3L * model.hiddenSize());
    // Gradients of what is inside the experts; gathered rows, their gradient, the results'.
    long experts = size.moeLayers() == 0 ? 0 : insideExperts(bound) + 3 * rowsOfTokens();
    long head = Math.min(tokens, HEAD_TILE_ROWS) * model.vocabSize() * 2 * F32_BYTES;
    long softmax = model.masks().isEmpty() ? 0 : attention;
    long linear = model.linearLayers() == 0 ? 0 : linearScratch();
    return Math.max(Math.max(softmax, experts) + layer, linear) + head;
  }
}
