package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * One product of fixed shapes, compiled by oneDNN and run on any addresses. Belongs to a {@link
 * MatmulCache}.
 */
final class Matmul {
  /** Bytes of dnnl_exec_arg_t: int32, padding, pointer. */
  private static final long ARGUMENT_BYTES = 16;

  /** Bytes of the argument lists: four for the product, two for the packing. */
  static final long ARGUMENTS_BYTES = 6 * ARGUMENT_BYTES;

  private static final long ALIGNMENT = 4096;

  final int m;
  final int n;
  final int k;
  final int lda;
  final int ldb;
  final int ldc;
  final int flags;
  private final long src;
  private final long weights;
  private final long dst;
  private final long scratchpad;
  private final long primitive;
  private final long argumentsAddress;
  final long scratchBytes;
  private final @Nullable Packing packing;
  private final long packedBytes;

  private long scratchSet;

  /** Tick of the cache at the last use. */
  long lastUse;

  Matmul(
      OneDnn oneDnn,
      int flags,
      int m,
      int n,
      int k,
      int lda,
      int ldb,
      int ldc,
      MemorySegment arguments) {
    this.flags = flags;
    this.m = m;
    this.n = n;
    this.k = k;
    this.lda = lda;
    this.ldb = ldb;
    this.ldc = ldc;
    this.argumentsAddress = arguments.address();
    int in = DnnlGemm.has(flags, DnnlGemm.BF16_IN) ? OneDnn.BF16 : OneDnn.F32;
    int out = DnnlGemm.has(flags, DnnlGemm.BF16_OUT) ? OneDnn.BF16 : OneDnn.F32;
    long a = matrix(oneDnn, in, m, k, lda, DnnlGemm.has(flags, DnnlGemm.TRANSPOSE_A));
    long b = matrix(oneDnn, in, k, n, ldb, DnnlGemm.has(flags, DnnlGemm.TRANSPOSE_B));
    boolean packs = DnnlGemm.has(flags, DnnlGemm.PACK_B);
    long bAsUsed = packs ? oneDnn.anyMatrixDescriptor(in, k, n) : b;
    long c = matrix(oneDnn, out, m, n, ldc, false);
    long description =
        oneDnn.matmulDescription(a, bAsUsed, c, DnnlGemm.has(flags, DnnlGemm.ACCUMULATE) ? out : 0);
    primitive = oneDnn.primitive(description);
    long scratch = oneDnn.queryDescriptor(description, OneDnn.QUERY_SCRATCHPAD_MD);
    src = oneDnn.memory(a);
    if (packs) {
      long packed = oneDnn.queryDescriptor(description, OneDnn.QUERY_WEIGHTS_MD);
      weights = oneDnn.memory(packed);
      packing = new Packing(oneDnn, b, packed, arguments.asSlice(4 * ARGUMENT_BYTES));
      packedBytes = (oneDnn.sizeOf(packed) + ALIGNMENT - 1) & -ALIGNMENT;
      oneDnn.destroyDescriptor(bAsUsed);
    } else {
      weights = oneDnn.memory(b);
      packing = null;
      packedBytes = 0;
    }
    scratchBytes = packedBytes + oneDnn.sizeOf(scratch);
    dst = oneDnn.memory(c);
    scratchpad = oneDnn.memory(scratch);
    oneDnn.destroyDescription(description);
    oneDnn.destroyDescriptor(a);
    oneDnn.destroyDescriptor(b);
    oneDnn.destroyDescriptor(c);
    setArgument(arguments, 0, OneDnn.ARG_SRC, src);
    setArgument(arguments, 1, OneDnn.ARG_WEIGHTS, weights);
    setArgument(arguments, 2, OneDnn.ARG_DST, dst);
    setArgument(arguments, 3, OneDnn.ARG_SCRATCHPAD, scratchpad);
  }

  private static long matrix(
      OneDnn oneDnn, int dtype, int rows, int columns, int stride, boolean transposed) {
    return transposed
        ? oneDnn.matrixDescriptor(dtype, rows, columns, 1, stride)
        : oneDnn.matrixDescriptor(dtype, rows, columns, stride, 1);
  }

  static void setArgument(MemorySegment arguments, int index, int kind, long memory) {
    arguments.set(JAVA_INT, index * ARGUMENT_BYTES, kind);
    arguments.set(JAVA_LONG, index * ARGUMENT_BYTES + 8, memory);
  }

  boolean is(int flags, int m, int n, int k, int lda, int ldb, int ldc) {
    return this.m == m
        && this.n == n
        && this.k == k
        && this.flags == flags
        && this.lda == lda
        && this.ldb == ldb
        && this.ldc == ldc;
  }

  /**
   * @param scratch at least {@link #scratchBytes} bytes that nothing else uses meanwhile
   */
  void run(OneDnn oneDnn, long a, long b, long c, long scratch) {
    oneDnn.setDataHandle(src, a);
    oneDnn.setDataHandle(dst, c);
    if (scratch != scratchSet) {
      oneDnn.setDataHandle(scratchpad, scratch + packedBytes);
      scratchSet = scratch;
    }
    if (packing == null) {
      oneDnn.setDataHandle(weights, b);
    } else {
      packing.run(oneDnn, b, scratch);
      oneDnn.setDataHandle(weights, scratch);
    }
    oneDnn.execute(primitive, argumentsAddress, 4);
  }

  void destroy(OneDnn oneDnn) {
    oneDnn.destroyPrimitive(primitive);
    if (packing != null) {
      packing.destroy(oneDnn);
    }
    oneDnn.destroyMemory(src);
    oneDnn.destroyMemory(weights);
    oneDnn.destroyMemory(dst);
    oneDnn.destroyMemory(scratchpad);
  }
}
