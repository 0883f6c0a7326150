package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.F;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.gyre.kernels.BFloat16;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Copies matrices, F32 or BF16, between memory and the F32 arrays of {@link MicroKernel}. The
 * right-hand matrix B [k][columns] is cut into panels of {@link #WIDTH} columns, each [k][WIDTH],
 * the last one a single vector wide if that is enough. Columns beyond the matrix are undefined, and
 * their results are not read.
 */
final class Panels {
  /** Columns of a panel. */
  static final int WIDTH = Simd.MANY_REGISTERS ? 2 * LANES : LANES;

  /** Elements of k that are transposed at a time. */
  private static final int SQUARE_DEPTH = 64;

  /** No power of two, so that rows do not share cache sets. */
  private static final int SQUARE_STRIDE = SQUARE_DEPTH + 16;

  /** Floats that {@link #packColumns} transposes at a time. */
  static final int SQUARE = WIDTH * SQUARE_STRIDE;

  private Panels() {}

  /** Columns rounded up to whole vectors: floats per k that the panels of B take. */
  static int padded(int columns) {
    return (columns + LANES - 1) / LANES * LANES;
  }

  /** Width of the panel that begins at column {@code j} of {@code columns}. */
  static int width(int j, int columns) {
    return columns - j > LANES ? WIDTH : LANES;
  }

  /**
   * Packs B whose rows are contiguous.
   *
   * @param rowBytes from one row to the next
   */
  static void packRows(
      long b, boolean bf16, long rowBytes, int k, int columns, float[] panels, int at) {
    int bytes = bf16 ? 2 : 4;
    for (int j = 0; j < columns; j += WIDTH) {
      int width = width(j, columns);
      int used = Math.min(width, columns - j);
      for (int v = 0; v < width; v += LANES) {
        long from = b + (long) (j + v) * bytes;
        int to = at + j * k + v;
        if (used - v < LANES) {
          packTail(from, bf16, rowBytes, k, used - v, panels, to, width);
        } else if (bf16) {
          packVectorBf16(from, rowBytes, k, panels, to, width);
        } else {
          packVector(from, rowBytes, k, panels, to, width);
        }
      }
    }
  }

  private static void packVector(
      long from, long rowBytes, int k, float[] panels, int to, int width) {
    for (int n = 0; n < k; n++) {
      FloatVector.fromMemorySegment(F, ALL, from + n * rowBytes, ORDER)
          .intoArray(panels, to + n * width);
    }
  }

  private static void packVectorBf16(
      long from, long rowBytes, int k, float[] panels, int to, int width) {
    for (int n = 0; n < k; n++) {
      ((IntVector)
              ShortVector.fromMemorySegment(Simd.S, ALL, from + n * rowBytes, ORDER)
                  .convertShape(VectorOperators.ZERO_EXTEND_S2I, Simd.I, 0))
          .lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(panels, to + n * width);
    }
  }

  private static void packTail(
      long from, boolean bf16, long rowBytes, int k, int used, float[] panels, int to, int width) {
    for (int n = 0; n < k; n++) {
      for (int j = 0; j < LANES; j++) {
        float value = 0;
        if (j < used) {
          value = bf16 ? getBf16(from + n * rowBytes + 2L * j) : get(from + n * rowBytes + 4L * j);
        }
        panels[to + n * width + j] = value;
      }
    }
  }

  /**
   * Packs B whose columns are contiguous. Squares of it are first copied into {@code square}, which
   * stays in the first-level cache. Transposing directly from memory would wait for one cache line
   * after another.
   *
   * @param columnBytes from one column to the next
   * @param square room for {@link #SQUARE} floats
   */
  static void packColumns(
      long b,
      boolean bf16,
      long columnBytes,
      int k,
      int columns,
      float[] panels,
      int at,
      float[] square) {
    int bytes = bf16 ? 2 : 4;
    for (int j = 0; j < columns; j += WIDTH) {
      int width = width(j, columns);
      int used = Math.min(width, columns - j);
      Arrays.fill(square, used * SQUARE_STRIDE, width * SQUARE_STRIDE, 0f);
      for (int n = 0; n < k; n += SQUARE_DEPTH) {
        int depth = Math.min(SQUARE_DEPTH, k - n);
        for (int c = 0; c < used; c++) {
          load(
              b + (j + c) * columnBytes + (long) n * bytes, bf16, depth, square, c * SQUARE_STRIDE);
        }
        Transpose.transpose(
            square, SQUARE_STRIDE, width, depth, panels, at + j * k + n * width, width);
      }
    }
  }

  /** to[at + i] = the F32 or BF16 run at {@code from}. */
  static void load(long from, boolean bf16, int count, float[] to, int at) {
    if (bf16) {
      loadBf16(from, count, to, at);
    } else {
      loadF32(from, count, to, at);
    }
  }

  private static void loadF32(long from, int count, float[] to, int at) {
    int i = 0;
    for (int bound = F.loopBound(count); i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, from + 4L * i, ORDER).intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = get(from + 4L * i);
    }
  }

  private static void loadBf16(long from, int count, float[] to, int at) {
    int i = 0;
    for (int bound = F.loopBound(count); i < bound; i += LANES) {
      ((IntVector)
              ShortVector.fromMemorySegment(Simd.S, ALL, from + 2L * i, ORDER)
                  .convertShape(VectorOperators.ZERO_EXTEND_S2I, Simd.I, 0))
          .lanewise(VectorOperators.LSHL, 16)
          .reinterpretAsFloats()
          .intoArray(to, at + i);
    }
    for (; i < count; i++) {
      to[at + i] = getBf16(from + 2L * i);
    }
  }

  /** The F32 run at {@code to} = from[at + i]. */
  static void store(float[] from, int at, int count, long to) {
    int i = 0;
    for (int bound = F.loopBound(count); i < bound; i += LANES) {
      FloatVector.fromArray(F, from, at + i).intoMemorySegment(ALL, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(to + 4L * i, from[at + i]);
    }
  }

  /** The F32 run at {@code to} += from[at + i]. */
  static void add(float[] from, int at, int count, long to) {
    int i = 0;
    for (int bound = F.loopBound(count); i < bound; i += LANES) {
      FloatVector.fromMemorySegment(F, ALL, to + 4L * i, ORDER)
          .add(FloatVector.fromArray(F, from, at + i))
          .intoMemorySegment(ALL, to + 4L * i, ORDER);
    }
    for (; i < count; i++) {
      Simd.set(to + 4L * i, get(to + 4L * i) + from[at + i]);
    }
  }

  private static float get(long address) {
    return ALL.get(JAVA_FLOAT_UNALIGNED, address);
  }

  private static float getBf16(long address) {
    return BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, address));
  }
}
