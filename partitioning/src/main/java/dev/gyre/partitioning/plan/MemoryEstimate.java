package dev.gyre.partitioning.plan;

/**
 * Bytes of the fullest rank, by what they are for.
 *
 * @param weights compute copy: matmul weights in the compute dtype, norms and routers f32
 * @param gradients f32 of every weight the rank holds
 * @param optimizer f32 master weights and two moments of the rank's shard
 * @param activations what forward keeps for backward, all layers
 * @param expertRows dispatched rows and what experts keep, all layers, at the bound
 * @param scratch the most that is live inside one call, and messages on their way
 */
public record MemoryEstimate(
    long weights, long gradients, long optimizer, long activations, long expertRows, long scratch) {

  /** What alignment of tensors and the tape's odds and ends are given: a quarter, and 64 MiB. */
  private static final long ROOM = 64L << 20;

  public long total() {
    return weights + gradients + optimizer + workspace();
  }

  /** Size of the rank's slab: all that lives within a step, with room. */
  public long workspace() {
    long live = activations + expertRows + scratch;
    return live + live / 4 + ROOM;
  }

  /** The categories with their bytes, for a person. */
  public String describe() {
    return "weights %s, gradients %s, optimizer %s, activations %s, expert rows %s, scratch %s"
        .formatted(
            mebibytes(weights),
            mebibytes(gradients),
            mebibytes(optimizer),
            mebibytes(activations),
            mebibytes(expertRows),
            mebibytes(scratch));
  }

  static String mebibytes(long bytes) {
    return Math.ceilDiv(bytes, 1L << 20) + " MiB";
  }
}
