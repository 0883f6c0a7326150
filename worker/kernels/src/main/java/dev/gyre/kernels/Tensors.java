package dev.gyre.kernels;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Host tensors from Java arrays and back, for set-up, checkpoints' small tensors and tests. The
 * memory belongs to the arena.
 */
public final class Tensors {
  private Tensors() {}

  /** A zeroed tensor, aligned to {@value Workspace#ALIGNMENT_BYTES} bytes. */
  public static Tensor zeros(Arena arena, DType dtype, long... dims) {
    long bytes = new Tensor(0, dtype, dims).byteSize();
    MemorySegment memory = arena.allocate(Math.max(bytes, 1), Workspace.ALIGNMENT_BYTES);
    return new Tensor(memory.address(), dtype, dims);
  }

  /** An F32 tensor. */
  public static Tensor of(Arena arena, float[] values, long... dims) {
    return of(arena, DType.F32, values, dims);
  }

  /**
   * A tensor of any float dtype; values are rounded to it.
   *
   * @throws IllegalArgumentException unless there is one value per element
   */
  public static Tensor of(Arena arena, DType dtype, float[] values, long... dims) {
    Tensor t = zeros(arena, dtype, dims);
    requireCount(t, values.length);
    for (int i = 0; i < values.length; i++) {
      HostAccess.set(t, i, values[i]);
    }
    return t;
  }

  /** An I32 tensor. */
  public static Tensor ofInts(Arena arena, int[] values, long... dims) {
    Tensor t = zeros(arena, DType.I32, dims);
    requireCount(t, values.length);
    for (int i = 0; i < values.length; i++) {
      HostAccess.setIndex(t, i, values[i]);
    }
    return t;
  }

  /** The values of a float tensor in index order; F64 is rounded. */
  public static float[] toFloats(Tensor t) {
    float[] values = new float[Math.toIntExact(t.elements())];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) HostAccess.get(t, i);
    }
    return values;
  }

  /** The values of a float tensor in index order, exact. */
  public static double[] toDoubles(Tensor t) {
    double[] values = new double[Math.toIntExact(t.elements())];
    HostAccess.read(t, 0, values.length, values);
    return values;
  }

  /** The values of an I32 or I64 tensor in index order. */
  public static long[] toLongs(Tensor t) {
    long[] values = new long[Math.toIntExact(t.elements())];
    MemorySegment memory = t.segment();
    for (int i = 0; i < values.length; i++) {
      values[i] =
          switch (t.dtype()) {
            case I32 -> HostAccess.index(t, i);
            case I64 -> memory.get(JAVA_LONG_UNALIGNED, i * 8L);
            case F32, BF16, F64 ->
                throw new IllegalArgumentException("not an integer tensor: " + t);
          };
    }
    return values;
  }

  private static void requireCount(Tensor t, int values) {
    if (t.elements() != values) {
      throw new IllegalArgumentException(
          t + " has " + t.elements() + " elements, got " + values + " values");
    }
  }
}
