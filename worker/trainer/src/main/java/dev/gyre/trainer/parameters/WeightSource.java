package dev.gyre.trainer.parameters;

import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;

/** A source of weights, read slice by slice. */
@FunctionalInterface
public interface WeightSource {
  /**
   * Writes elements {@code [from, from + count)} of a tensor.
   *
   * @param into F32, {@code 4·count} bytes
   */
  void read(TensorSpec spec, long from, long count, MemorySegment into);
}
