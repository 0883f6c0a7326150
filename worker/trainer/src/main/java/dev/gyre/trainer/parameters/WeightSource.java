package dev.gyre.trainer.parameters;

import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;

/** A source of weights, read box by box. */
@FunctionalInterface
public interface WeightSource {
  /**
   * Writes the elements of a box of a tensor.
   *
   * @param into F32 in the box's row-major order, 4 bytes for each element
   */
  void read(TensorSpec spec, TensorBox box, MemorySegment into);
}
