package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** Residency on a CPU: kernels and host share memory, and calls are synchronous. */
final class HostResidency implements Residency {
  @Override
  public long memory(MemorySegment host) {
    return host.address();
  }

  @Override
  public long address(Tensor t) {
    return t.address();
  }

  @Override
  public void before(List<Operand> operands) {}

  @Override
  public void after(List<Operand> operands) {}

  @Override
  public void hostReads(Tensor t) {}

  @Override
  public void hostWrites(Tensor t) {}

  @Override
  public void synchronize() {}

  @Override
  public void close() {}
}
