package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BFloat16;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ScoreLanesTest {
  private static final int KEYS = 14;
  private static final int LANES = Simd.LANES;

  /** Two vectors per row, and one that must not change. */
  private static final int STRIDE = 3 * LANES;

  private static final int ROW_BYTES = 4 * STRIDE;
  private static final float SCALE2 = 0.7f;
  private static final float SHIFT = 3f;

  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(3);
  private final MemorySegment block = floats(KEYS * STRIDE);
  private final MemorySegment other = floats(KEYS * STRIDE);
  private final MemorySegment pairs = floats(KEYS * STRIDE);
  private final MemorySegment transposed = floats(KEYS * STRIDE);
  private final MemorySegment lanes = floats(3 * LANES);
  private final MemorySegment sums = floats(LANES);
  private final MemorySegment moreSums = floats(LANES);

  @AfterEach
  void close() {
    arena.close();
  }

  private MemorySegment floats(int count) {
    return arena.allocate(4L * count, 64);
  }

  private static float at(MemorySegment segment, int i) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  private static void set(MemorySegment segment, int i, float value) {
    segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
  }

  /** BF16 element i. */
  private static float bf16(MemorySegment segment, int i) {
    return BFloat16.toFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, i));
  }

  private float[] normal(MemorySegment segment, double deviation) {
    float[] values = new float[KEYS * STRIDE];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * deviation);
      set(segment, i, values[i]);
    }
    return values;
  }

  private void lanes(float base, float factor, float shift) {
    for (int i = 0; i < LANES; i++) {
      set(lanes, i, base);
      set(lanes, LANES + i, factor);
      set(lanes, 2 * LANES + i, shift);
    }
  }

  private static double power(double score, double shift) {
    double exponent = score * SCALE2 - shift;
    return exponent < -126.5 ? 0 : Math.pow(2, exponent);
  }

  @Test
  void largestOfEachLane() {
    float[] scores = normal(block, 5);
    for (int keys = 1; keys <= KEYS; keys++) {
      ScoreLanes.maxima(block.address(), ROW_BYTES, keys, sums.address());
      for (int i = 0; i < LANES; i++) {
        float expected = Float.NEGATIVE_INFINITY;
        for (int j = 0; j < keys; j++) {
          expected = Math.max(expected, scores[j * STRIDE + i]);
        }
        assertEquals(expected, at(sums, i));
      }
    }
  }

  @Test
  void exponentialsAndTheirSums() {
    for (double deviation : new double[] {0.1, 3, 60, 1e4}) {
      float[] scores = normal(block, deviation);
      scores[STRIDE] = ScoreLanes.hidden(SCALE2);
      set(block, STRIDE, scores[STRIDE]);
      float shift = (float) Math.rint(SHIFT + 3 * deviation);
      lanes(ScoreLanes.ROUNDER - shift, 1, 0);
      sums.fill((byte) 0);
      set(sums, 1, 2f);
      ScoreLanes.exponentials(
          block.address(), ROW_BYTES, KEYS, SCALE2, lanes.address(), sums.address());
      for (int i = 0; i < LANES; i++) {
        double expectedSum = i == 1 ? 2 : 0;
        for (int j = 0; j < KEYS; j++) {
          int here = j * STRIDE + i;
          double expected = power(scores[here], shift);
          assertEquals(expected, at(block, here), expected * 1e-6 + 1e-37);
          expectedSum += at(block, here);
          assertEquals(scores[here + LANES], at(block, here + LANES), "the next vector");
        }
        assertEquals(expectedSum, at(sums, i), expectedSum * 1e-6);
      }
      assertEquals(0f, at(block, STRIDE), "a hidden pair");
    }
  }

  /** The least and the largest shift leave a hidden pair hidden and a pair at the shift visible. */
  @Test
  void shiftsAtTheirLimits() {
    for (float shift : new float[] {ScoreLanes.LEAST_SHIFT, -7, 0, ScoreLanes.MOST_SHIFT}) {
      lanes(ScoreLanes.ROUNDER - shift, 1, 0);
      for (int i = 0; i < LANES; i++) {
        set(block, i, shift);
        set(block, STRIDE + i, ScoreLanes.hidden(1f));
      }
      ScoreLanes.exponentials(block.address(), ROW_BYTES, 2, 1f, lanes.address(), sums.address());
      assertEquals(1f, at(block, 0));
      assertEquals(0f, at(block, STRIDE));
    }
  }

  @Test
  void notANumberStaysOne() {
    normal(block, 1);
    set(block, STRIDE, Float.NaN);
    set(block, STRIDE + 1, Float.intBitsToFloat(0xFFC00000));
    lanes(ScoreLanes.ROUNDER, 1, 0);
    ScoreLanes.exponentials(
        block.address(), ROW_BYTES, KEYS, SCALE2, lanes.address(), sums.address());
    assertTrue(Float.isNaN(at(sums, 0)));
    assertTrue(Float.isNaN(at(sums, 1)));
    assertTrue(Float.isFinite(at(sums, 2)));
  }

  @Test
  void roundedValuesAreThoseThatAreSummed() {
    float[] values = normal(block, 1);
    sums.fill((byte) 0);
    moreSums.fill((byte) 0);
    ScoreLanes.roundToPairs(block.address(), ROW_BYTES, KEYS, sums.address(), pairs.address());
    ScoreLanes.round(block.address(), ROW_BYTES, KEYS, moreSums.address());
    for (int i = 0; i < LANES; i++) {
      double sum = 0;
      for (int j = 0; j < KEYS; j++) {
        float rounded = at(block, j * STRIDE + i);
        assertEquals(rounded, bf16(pairs, (j / 2 * STRIDE + i) * 2 + j % 2));
        assertEquals(values[j * STRIDE + i], rounded, Math.abs(rounded) / 255);
        sum += rounded;
      }
      assertEquals(sum, at(sums, i), 1e-5);
      assertEquals(sum, at(moreSums, i), 1e-5);
    }
  }

  @Test
  void probabilitiesAndGradients() {
    float[] scores = normal(block, 3);
    float[] dp = normal(other, 1);
    float scale = 0.4f;
    float factor = 0.8f;
    float delta = 0.3f;
    lanes(ScoreLanes.ROUNDER - SHIFT, factor, -delta * scale);
    ScoreLanes.gradients(
        block.address(),
        other.address(),
        ROW_BYTES,
        KEYS,
        SCALE2,
        scale,
        lanes.address(),
        4L * LANES);
    for (int j = 0; j < KEYS; j++) {
      for (int i = 0; i < LANES; i++) {
        int here = j * STRIDE + i;
        double p = power(scores[here], SHIFT) * factor;
        assertEquals(p, at(block, here), p * 1e-6);
        double ds = p * (dp[here] - delta) * scale;
        assertEquals(ds, at(other, here), Math.abs(p) * 1e-6);
      }
    }
  }

  @Test
  void pairsOfQueriesAndOfKeys() {
    float[] values = normal(block, 1);
    int toBytes = 4 * (LANES + 16);
    ScoreLanes.pairQueries(block.address(), ROW_BYTES, KEYS, pairs.address(), toBytes);
    ScoreLanes.transposePairs(pairs.address(), toBytes, KEYS, transposed.address(), ROW_BYTES);
    for (int j = 0; j < KEYS; j++) {
      for (int i = 0; i < 2 * LANES; i++) {
        float value = values[j * STRIDE + i];
        float byQueries = bf16(pairs, j * toBytes / 2 + i % LANES * 2 + i / LANES);
        assertEquals(value, byQueries, Math.abs(value) / 256);
        assertEquals(byQueries, bf16(transposed, (j / 2 * STRIDE + i) * 2 + j % 2));
      }
    }
  }

  @Test
  void fillScaleAndBlend() {
    float[] values = normal(block, 1);
    ScoreLanes.fill(block.address(), 3, LANES + 2, 9f);
    for (int i = 0; i < STRIDE; i++) {
      assertEquals(i >= 3 && i < LANES + 2 ? 9f : values[i], at(block, i));
    }
    values = normal(block, 1);
    lanes(2, 0, 0);
    ScoreLanes.scale(block.address(), ROW_BYTES, 3, lanes.address());
    for (int i = 0; i < KEYS * STRIDE; i++) {
      float factor = i % STRIDE < LANES && i / STRIDE < 3 ? 2 : 1;
      assertEquals(values[i] * factor, at(block, i));
    }
    values = normal(block, 1);
    float[] added = normal(other, 1);
    int count = LANES + 3;
    ScoreLanes.blend(other.address(), count, 2f, 0.5f, block.address());
    for (int i = 0; i < STRIDE; i++) {
      float expected = i < count ? values[i] * 0.5f + added[i] * 2f : values[i];
      assertEquals(expected, at(block, i), 1e-6);
    }
  }
}
