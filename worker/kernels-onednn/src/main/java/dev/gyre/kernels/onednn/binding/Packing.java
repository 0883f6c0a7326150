package dev.gyre.kernels.onednn.binding;

import java.lang.foreign.MemorySegment;

/**
 * Reorders a product's B into the layout that oneDNN prefers for it, each time the product runs.
 */
final class Packing {
  private final long from;
  private final long to;
  private final long primitive;
  private final long argumentsAddress;

  /**
   * @param plain descriptor of B as stored by the caller
   * @param packed descriptor of B as the product reads it
   * @param arguments memory for two arguments, which must stay valid
   */
  Packing(OneDnn oneDnn, long plain, long packed, MemorySegment arguments) {
    long description = oneDnn.reorderDescription(plain, packed);
    primitive = oneDnn.primitive(description);
    oneDnn.destroyDescription(description);
    from = oneDnn.memory(plain);
    to = oneDnn.memory(packed);
    argumentsAddress = arguments.address();
    Matmul.setArgument(arguments, 0, OneDnn.ARG_SRC, from);
    Matmul.setArgument(arguments, 1, OneDnn.ARG_DST, to);
  }

  void run(OneDnn oneDnn, long plain, long packed) {
    oneDnn.setDataHandle(from, plain);
    oneDnn.setDataHandle(to, packed);
    oneDnn.execute(primitive, argumentsAddress, 2);
  }

  void destroy(OneDnn oneDnn) {
    oneDnn.destroyPrimitive(primitive);
    oneDnn.destroyMemory(from);
    oneDnn.destroyMemory(to);
  }
}
