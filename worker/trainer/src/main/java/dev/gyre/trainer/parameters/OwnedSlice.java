package dev.gyre.trainer.parameters;

import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;

/**
 * Part of one tensor whose optimizer state this rank owns. Every element of the model is owned by
 * exactly one rank. The segments are views of the store's memory, {@code 4·count} bytes each, F32.
 *
 * @param spec name and global shape
 * @param from first element, in the tensor's row-major order
 * @param master the weights in full precision
 * @param firstMoment AdamW's m
 * @param secondMoment AdamW's v
 * @param gradient the global sum after {@link ShardedParameters#reduceGradients}
 */
public record OwnedSlice(
    TensorSpec spec,
    long from,
    long count,
    MemorySegment master,
    MemorySegment firstMoment,
    MemorySegment secondMoment,
    MemorySegment gradient) {}
