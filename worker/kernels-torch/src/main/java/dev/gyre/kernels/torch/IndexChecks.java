package dev.gyre.kernels.torch;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;

/**
 * Checks the values of indices and labels on the host before libtorch reads them. That waits for a
 * GPU that wrote them, but libtorch's own assertion on a GPU ends the process without naming the
 * value.
 *
 * @param residency copies the values to the host
 */
record IndexChecks(Residency residency) {
  void check(String name, Tensor indices, long limit) {
    MemorySegment values = read(indices);
    for (long i = 0; i < indices.elements(); i++) {
      KernelChecks.index(name, i, values.get(JAVA_INT_UNALIGNED, i * 4), limit);
    }
  }

  void checkLabels(Tensor labels, long vocabulary) {
    MemorySegment values = read(labels);
    for (long t = 0; t < labels.elements(); t++) {
      KernelChecks.label(t, values.get(JAVA_INT_UNALIGNED, t * 4), vocabulary);
    }
  }

  private MemorySegment read(Tensor t) {
    residency.hostReads(t);
    return t.segment();
  }
}
