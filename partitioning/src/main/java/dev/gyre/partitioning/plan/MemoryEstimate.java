package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Bytes of the rank with the most memory, by use. Activations and scratch are those at the peak of
 * their sum, with the most expert rows that a round may have.
 *
 * @param weights compute copy: matmul weights in the compute dtype, norms and routers f32
 * @param gradients f32 of every weight the rank holds
 * @param optimizer f32 master weights and two moments of the rank's shard
 * @param activations saved by forward for backward, all layers
 * @param scratch gradients, recomputed activations, and messages in flight
 * @param balanced activations and scratch with balanced experts and one document
 * @param stored on disk
 */
public record MemoryEstimate(
    long weights,
    long gradients,
    long optimizer,
    long activations,
    long scratch,
    long balanced,
    long stored) {

  /**
   * Reserve over the model for alignment of tensors and for rows of many documents: a sixteenth,
   * plus 32 MiB, the most that small jobs, whose tensors are as many but smaller, have needed.
   */
  private static final long ROOM = 32L << 20;

  /**
   * Memory of the process outside of the workspace: the Java heap's limit of half a gigabyte. The
   * heap is mostly unused, so the limit also covers compiled code and native libraries.
   */
  public static final long PROCESS = 512L << 20;

  /** Sums of seven stay below 2^63. */
  private static final NumberRange BYTES = NumberRange.whole(0, 1L << 59);

  public MemoryEstimate {
    BYTES.require("weights", weights);
    BYTES.require("gradients", gradients);
    BYTES.require("optimizer", optimizer);
    BYTES.require("activations", activations);
    BYTES.require("scratch", scratch);
    BYTES.require("balanced", balanced);
    BYTES.require("stored", stored);
  }

  public long total() {
    return resident() + workspace() + PROCESS;
  }

  /** Bytes that stay allocated between steps. */
  public long resident() {
    return weights + gradients + optimizer;
  }

  /** Size of the rank's slab: everything that lives within a step, with the reserve. */
  public long workspace() {
    long live = activations + scratch;
    return live + live / 16 + ROOM;
  }

  /** The categories with their bytes, as text for messages. */
  public String describe() {
    return "weights %s, gradients %s, optimizer %s, activations %s, scratch %s"
        .formatted(
            mebibytes(weights),
            mebibytes(gradients),
            mebibytes(optimizer),
            mebibytes(activations),
            mebibytes(scratch));
  }

  static String mebibytes(long bytes) {
    return Math.ceilDiv(bytes, 1L << 20) + " MiB";
  }
}
