package dev.gyre.trainer.parameters;

import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;

/**
 * Part of one tensor whose optimizer state this rank owns. Every element of the model is owned by
 * exactly one rank. The segments are views of the store's memory: F32, the box's elements in
 * row-major order.
 *
 * @param spec name and global shape
 * @param box inside the tensor
 * @param master the weights in full precision
 * @param firstMoment AdamW's m
 * @param secondMoment AdamW's v
 * @param gradient the global sum after {@link ShardedParameters#reduceGradients}
 */
public record OwnedSlice(
    TensorSpec spec,
    TensorBox box,
    MemorySegment master,
    MemorySegment firstMoment,
    MemorySegment secondMoment,
    MemorySegment gradient) {

  /**
   * Copies values of the box to their places in the whole tensor.
   *
   * @param values one of this slice's segments
   * @param whole F32, the whole tensor in row-major order
   */
  public void copyTo(MemorySegment values, MemorySegment whole) {
    box.forEachRun(
        spec.shape(),
        (from, count, at) ->
            MemorySegment.copy(
                values, at * Float.BYTES, whole, from * Float.BYTES, count * Float.BYTES));
  }
}
