package dev.gyre.kernels.vector;

import static dev.gyre.kernels.vector.Simd.ALL;
import static dev.gyre.kernels.vector.Simd.I;
import static dev.gyre.kernels.vector.Simd.LANES;
import static dev.gyre.kernels.vector.Simd.ORDER;
import static dev.gyre.kernels.vector.Simd.S;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Copies rows of q, k, v and dOut of one head into the layouts that {@link Products} reads fastest,
 * so that no product transposes or packs an operand. If products take pairs ({@link
 * Products#pairs}), inner sizes are padded with zeros to {@link BlockWalk#GRAIN}.
 *
 * <p>Sums over queries may take them in any order, so pairs are those of {@link
 * ScoreLanes#pairQueries}: queries i and i + {@link Simd#LANES} of 2·{@link Simd#LANES}.
 */
final class AttentionOperands {
  /** Rows transposed at a time, so that they stay in the first-level cache. */
  private static final int ROWS = 64;

  private final Scratch line = new Scratch();
  private float[] square = {};
  private float[] transposed = {};

  /** Whether BF16 operands are stored in pairs. */
  boolean pairs;

  boolean bf16;

  /** D. */
  int size;

  /** D as an inner size. */
  int depth;

  /** Bytes of an element of the tensors. */
  int bytes;

  void set(AttentionCall call, boolean productsTakePairs) {
    bf16 = call.bf16;
    bytes = bf16 ? 2 : 4;
    pairs = bf16 && productsTakePairs;
    size = call.size;
    depth = inner(size);
    int stride = (Math.max(depth, size) + LANES - 1) / LANES * LANES + 16;
    if (square.length < ROWS * stride) {
      square = new float[ROWS * stride];
      transposed = new float[ROWS * stride];
    }
  }

  void close() {
    line.close();
  }

  /** An inner size, padded if products require it. */
  int inner(int count) {
    return pairs ? padded(count, BlockWalk.GRAIN) : count;
  }

  static int padded(int count, int grain) {
    return (count + grain - 1) / grain * grain;
  }

  /** Whether {@code count} rows of a tensor can be an operand without a copy. */
  boolean direct(int count) {
    return depth == size && inner(count) == count;
  }

  /** to [inner(count)][depth] = the rows, with zeros after them. */
  void copyRows(long from, int stride, int count, long to) {
    long rowBytes = (long) depth * bytes;
    for (int r = 0; r < count; r++) {
      long row = to + r * rowBytes;
      copyBytes(from + (long) r * stride * bytes, row, (long) size * bytes);
      VectorMove.clear(row + (long) size * bytes, (long) (depth - size) * bytes);
    }
    VectorMove.clear(to + count * rowBytes, (inner(count) - count) * rowBytes);
  }

  private static void copyBytes(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }

  /**
   * The right-hand operand of scores: transposed rows, to [depth][toStride], or in pairs of the
   * inner size [depth/2][toStride][2]; zeros from {@code count} to {@code lanes}.
   *
   * @param from rows of depth elements if they are in pairs
   */
  void transposeQueries(long from, int stride, int count, int lanes, long to, int toStride) {
    if (pairs) {
      turn(from, 2L * stride, count, depth / 2, lanes, to, 4L * toStride, false);
    } else {
      turn(from, (long) stride * bytes, count, size, lanes, to, (long) toStride * bytes, bf16);
    }
  }

  /**
   * The left-hand operand of sums over keys: transposed rows, to [size][toStride], zeros from
   * {@code count} to inner(count).
   */
  void transposeKeys(long from, int stride, int count, long to, int toStride) {
    if (pairs) {
      transposePairs(from, 2L * stride, count, inner(count) / 2, to, 2L * toStride);
    } else {
      turn(from, (long) stride * bytes, count, size, count, to, (long) toStride * bytes, bf16);
    }
  }

  private void turn(
      long from,
      long rowBytes,
      int rows,
      int columns,
      int toColumns,
      long to,
      long toBytes,
      boolean widen) {
    int stride = padded(columns, LANES) + 16;
    for (int first = 0; first < toColumns; first += ROWS) {
      int width = Math.min(ROWS, toColumns - first);
      int count = Math.clamp(rows - first, 0, width);
      for (int r = 0; r < count; r++) {
        Panels.load(from + (first + r) * rowBytes, widen, columns, square, r * stride);
      }
      Arrays.fill(square, count * stride, padded(width, LANES) * stride, 0f);
      Transpose.transpose(square, stride, padded(width, LANES), columns, transposed, 0, ROWS);
      storeTransposed(columns, width, to + (long) first * (widen ? 2 : 4), toBytes, widen);
    }
  }

  private void storeTransposed(int columns, int width, long to, long toBytes, boolean narrow) {
    long buffer = narrow ? line.reserve(Scratch.bytes(ROWS)) : 0;
    for (int c = 0; c < columns; c++) {
      long row = to + c * toBytes;
      if (narrow) {
        Panels.store(transposed, c * ROWS, width, buffer);
        VectorMove.toBf16(buffer, row, width);
      } else {
        Panels.store(transposed, c * ROWS, width, row);
      }
    }
  }

  private void transposePairs(
      long from, long rowBytes, int rows, int toPairs, long to, long toBytes) {
    int stride = padded(size, LANES) + 16;
    for (int first = 0; first < toPairs; first += ROWS) {
      int width = Math.min(ROWS, toPairs - first);
      int count = Math.clamp((rows + 1) / 2 - first, 0, width);
      for (int r = 0; r < count; r++) {
        int row = 2 * (first + r);
        long a = from + row * rowBytes;
        loadPairs(a, row + 1 < rows ? a + rowBytes : 0, size, square, r * stride);
      }
      Arrays.fill(square, count * stride, padded(width, LANES) * stride, 0f);
      Transpose.transpose(square, stride, padded(width, LANES), size, transposed, 0, ROWS);
      storeTransposed(size, width, to + 4L * first, toBytes, false);
    }
  }

  /** to[at + i] = the bits of a[i] below those of b[i]; of zeros if b is 0. */
  private static void loadPairs(long a, long b, int count, float[] to, int at) {
    int i = 0;
    if (b != 0) {
      for (int bound = S.loopBound(count); i < bound; i += LANES) {
        IntVector low =
            (IntVector)
                ShortVector.fromMemorySegment(S, ALL, a + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
        IntVector high =
            (IntVector)
                ShortVector.fromMemorySegment(S, ALL, b + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
        low.or(high.lanewise(VectorOperators.LSHL, 16)).reinterpretAsFloats().intoArray(to, at + i);
      }
    }
    for (; i < count; i++) {
      to[at + i] = Float.intBitsToFloat(pair(a, b, i));
    }
  }

  private static int pair(long a, long b, int i) {
    return Simd.bits16(a + 2L * i) | (b == 0 ? 0 : Simd.bits16(b + 2L * i) << 16);
  }

  /**
   * The right-hand operand of sums over queries, in pairs: to [lanes/2][depth][2], zeros from
   * {@code count} on and from size on.
   *
   * @param lanes a multiple of 2·{@link Simd#LANES}
   */
  void pairQueries(long from, int stride, int count, int lanes, long to) {
    long rowBytes = 2L * stride;
    for (int pair = 0; pair < lanes / 2; pair++) {
      int row = pair / LANES * 2 * LANES + pair % LANES;
      long into = to + 4L * pair * depth;
      if (row < count) {
        long a = from + row * rowBytes;
        long b = row + LANES < count ? a + LANES * rowBytes : 0;
        storePairs(a, b, size, into);
        VectorMove.clear(into + 4L * size, 4L * (depth - size));
      } else {
        VectorMove.clear(into, 4L * depth);
      }
    }
  }

  private static void storePairs(long a, long b, int count, long to) {
    int i = 0;
    if (b != 0) {
      for (int bound = S.loopBound(count); i < bound; i += LANES) {
        IntVector low =
            (IntVector)
                ShortVector.fromMemorySegment(S, ALL, a + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
        IntVector high =
            (IntVector)
                ShortVector.fromMemorySegment(S, ALL, b + 2L * i, ORDER)
                    .convertShape(VectorOperators.ZERO_EXTEND_S2I, I, 0);
        low.or(high.lanewise(VectorOperators.LSHL, 16)).intoMemorySegment(ALL, to + 4L * i, ORDER);
      }
    }
    for (; i < count; i++) {
      Simd.setBits(to + 4L * i, pair(a, b, i));
    }
  }

  /** Rows of F32 from lanes: to [count][toStride] = the transposed columns of [size][laneBytes]. */
  void transposeResult(long from, long rowBytes, int count, long to, int toStride) {
    int stride = ROWS + 16;
    for (int lane = 0; lane < count; lane += ROWS) {
      int width = Math.min(ROWS, count - lane);
      for (int first = 0; first < size; first += LANES) {
        int rows = Math.min(LANES, size - first);
        for (int r = 0; r < rows; r++) {
          Panels.load(from + (first + r) * rowBytes + 4L * lane, false, width, square, r * stride);
        }
        Arrays.fill(square, rows * stride, LANES * stride, 0f);
        Transpose.transpose(square, stride, LANES, width, transposed, 0, LANES);
        for (int c = 0; c < width; c++) {
          long row = to + 4L * ((long) (lane + c) * toStride + first);
          Panels.store(transposed, c * LANES, rows, row);
        }
      }
    }
  }
}
