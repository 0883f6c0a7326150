package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Where the memory of tensors is that kernels reach, and what has to travel before they do. A
 * tensor has the address of its bytes on the host; used by one thread.
 */
interface Residency extends AutoCloseable {
  /** What a call does to an operand. */
  enum Access {
    READ,
    /** Writes every element, whatever was there. */
    OVERWRITE,
    /** Reads and writes, or leaves some elements as they were. */
    UPDATE;

    boolean writes() {
      return this == OVERWRITE || this == UPDATE;
    }
  }

  record Operand(Tensor tensor, Access access) {}

  /** As {@link dev.gyre.kernels.Backend#memory}. */
  long memory(MemorySegment host);

  /** Where kernels find a tensor. */
  long address(Tensor t);

  /** Kernels launched from here on find these operands. */
  void before(List<Operand> operands);

  /** The kernels that write these operands are launched. */
  void after(List<Operand> operands);

  /** As {@link dev.gyre.kernels.Backend#hostReads}. */
  void hostReads(Tensor t);

  /** As {@link dev.gyre.kernels.Backend#hostWrites}. */
  void hostWrites(Tensor t);

  /** As {@link dev.gyre.kernels.Backend#synchronize}. */
  void synchronize();

  /** Nothing may be under way. */
  @Override
  void close();
}
