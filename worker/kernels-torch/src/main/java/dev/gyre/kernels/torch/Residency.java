package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Location of tensors for kernels, and the copies that are needed before kernels run. A tensor's
 * address is that of its bytes on the host. Single-threaded.
 */
interface Residency extends AutoCloseable {
  /** How a call accesses an operand. */
  enum Access {
    READ,
    /** Writes every element, without reading. */
    OVERWRITE,
    /** Reads and writes, or writes only some elements. */
    UPDATE;

    boolean writes() {
      return this == OVERWRITE || this == UPDATE;
    }
  }

  record Operand(Tensor tensor, Access access) {}

  /** As {@link dev.gyre.kernels.Backend#memory}. */
  long memory(MemorySegment host);

  /** The address of a tensor for kernels. */
  long address(Tensor t);

  /** Makes these operands available to kernels launched from now on. */
  void before(List<Operand> operands);

  /** Called after the kernels that use these operands were launched. */
  void after(List<Operand> operands);

  /** As {@link dev.gyre.kernels.Backend#hostReads}. */
  void hostReads(Tensor t);

  /** As {@link dev.gyre.kernels.Backend#hostWrites}. */
  void hostWrites(Tensor t);

  /** As {@link dev.gyre.kernels.Backend#synchronize}. */
  void synchronize();

  /** All kernels and copies must have completed. */
  @Override
  void close();
}
