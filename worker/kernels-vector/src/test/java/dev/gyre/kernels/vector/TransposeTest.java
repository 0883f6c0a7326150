package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TransposeTest {
  /** Elements are identified by their original position; nothing else is written. */
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 15, 16, 17, 64})
  void columnsBecomeRows(int columns) {
    int rows = 3 * Simd.LANES;
    int stride = columns + 3;
    float[] x = new float[rows * stride];
    for (int i = 0; i < x.length; i++) {
      x[i] = i;
    }
    int at = 5;
    int toStride = rows + 1;
    float[] to = new float[at + columns * toStride];
    Arrays.fill(to, -1f);
    Transpose.transpose(x, stride, rows, columns, to, at, toStride);
    for (int i = 0; i < to.length; i++) {
      int c = Math.floorDiv(i - at, toStride);
      int r = Math.floorMod(i - at, toStride);
      assertEquals(c < 0 || r == rows ? -1 : r * stride + c, to[i], "row " + c + ", column " + r);
    }
  }
}
