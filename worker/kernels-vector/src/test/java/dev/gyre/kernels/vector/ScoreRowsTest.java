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

class ScoreRowsTest {
  private static final int COUNT = 16 * 7;
  private static final float SCALE2 = 0.7f;
  private static final float SHIFT2 = 3f;

  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(3);
  private final MemorySegment row = arena.allocate(ValueLayout.JAVA_FLOAT, COUNT);
  private final MemorySegment other = arena.allocate(ValueLayout.JAVA_FLOAT, COUNT);
  private final MemorySegment sums = arena.allocate(ValueLayout.JAVA_FLOAT, ScoreRows.PADDING);
  private final MemorySegment bf16 = arena.allocate(ValueLayout.JAVA_SHORT, COUNT);
  private final MemorySegment moreBf16 = arena.allocate(ValueLayout.JAVA_SHORT, COUNT);

  @AfterEach
  void close() {
    arena.close();
  }

  private float[] fill(MemorySegment segment, double deviation) {
    float[] values = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      values[i] = (float) (random.nextGaussian() * deviation);
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i]);
    }
    return values;
  }

  private static float at(MemorySegment segment, int i) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, i);
  }

  private static float bf16At(MemorySegment segment, int i) {
    return BFloat16.toFloat(segment.getAtIndex(ValueLayout.JAVA_SHORT, i));
  }

  @Test
  void exponentialsAndTheirSum() {
    for (double deviation : new double[] {0.1, 3, 60}) {
      float[] scores = fill(row, deviation);
      scores[5] = Float.NEGATIVE_INFINITY;
      row.setAtIndex(ValueLayout.JAVA_FLOAT, 5, scores[5]);
      sums.fill((byte) 0);
      sums.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 2f);
      ScoreRows.exponentialsBf16(
          row.address(), COUNT, SCALE2, SHIFT2 + 100, 0.5f, sums.address(), bf16.address());
      double expectedSum = 1; // 2 · keep
      for (int i = 0; i < COUNT; i++) {
        double p = Math.pow(2, (double) scores[i] * SCALE2 - (SHIFT2 + 100));
        expectedSum += p;
        assertEquals(p, bf16At(bf16, i), p / 200 + 1e-37);
      }
      assertEquals(expectedSum, ScoreRows.total(sums.address()), expectedSum * 2e-5);

      ScoreRows.exponentials(row.address(), COUNT, SCALE2, SHIFT2 + 100, 1f, sums.address());
      assertEquals(0f, at(row, 5));
      for (int i = 0; i < COUNT; i++) {
        if (i == 5) {
          continue; // −∞, above
        }
        double x = (double) scores[i] * SCALE2 - (SHIFT2 + 100);
        // The product's rounding, then the polynomial's: both relative.
        double p = Math.pow(2, x);
        assertEquals(p, at(row, i), p * (2e-7 + Math.abs(x) * 1e-7) + 2e-38);
      }
    }
  }

  @Test
  void gradientsInBothTypes() {
    float[] scores = fill(row, 2);
    float[] dp = fill(other, 1);
    float scale = 0.125f;
    float delta = 0.3f;
    ScoreRows.gradientsBf16(
        row.address(),
        other.address(),
        COUNT,
        SCALE2,
        SHIFT2,
        delta,
        scale,
        bf16.address(),
        moreBf16.address());
    ScoreRows.gradients(row.address(), other.address(), COUNT, SCALE2, SHIFT2, delta, scale);
    for (int i = 0; i < COUNT; i++) {
      double p = Math.pow(2, (double) scores[i] * SCALE2 - SHIFT2);
      double ds = p * (dp[i] - delta) * scale;
      assertEquals(p, at(row, i), p * 2e-6);
      assertEquals(ds, at(other, i), (Math.abs(ds) + p * scale) * 2e-6);
      assertEquals(p, bf16At(bf16, i), p / 250);
      assertEquals(ds, bf16At(moreBf16, i), Math.abs(ds) / 250 + p * scale * 2e-6);
    }
  }

  @Test
  void nanStaysNanAndIsNotTheLargest() {
    fill(row, 1);
    row.setAtIndex(ValueLayout.JAVA_FLOAT, 17, Float.NaN);
    row.setAtIndex(ValueLayout.JAVA_FLOAT, 40, 9f);
    row.setAtIndex(ValueLayout.JAVA_FLOAT, 41, Float.intBitsToFloat(0xFFC00000));
    assertEquals(9f, ScoreRows.max(row.address(), COUNT));
    ScoreRows.exponentials(row.address(), COUNT, 1f, 9f, 1f, sums.address());
    assertTrue(Float.isNaN(at(row, 17)));
    assertTrue(Float.isNaN(ScoreRows.total(sums.address())));
  }

  @Test
  void largestOfAnyCount() {
    for (int count = 0; count <= COUNT; count += ScoreRows.PADDING) {
      float[] values = fill(row, 1);
      for (float offset : new float[] {0f, -10f}) {
        float expected = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < count; i++) {
          expected = Math.max(expected, values[i] + offset);
          row.setAtIndex(ValueLayout.JAVA_FLOAT, i, values[i] + offset);
        }
        assertEquals(expected, ScoreRows.max(row.address(), count));
      }
    }
  }

  @Test
  void hideClearScaleAndBlend() {
    float[] values = fill(row, 1);
    ScoreRows.hide(row.address(), 3, 20);
    ScoreRows.clear(row.address(), 32, 48);
    assertEquals(values[2], at(row, 2));
    assertEquals(Float.NEGATIVE_INFINITY, at(row, 3));
    assertEquals(Float.NEGATIVE_INFINITY, at(row, 19));
    assertEquals(values[20], at(row, 20));
    assertEquals(values[31], at(row, 31));
    assertEquals(0f, at(row, 32));
    assertEquals(0f, at(row, 47));
    assertEquals(values[48], at(row, 48));

    values = fill(row, 1);
    float[] into = fill(other, 1);
    ScoreRows.scale(row.address(), 32, 3f);
    assertEquals(values[31] * 3f, at(row, 31));
    assertEquals(values[32], at(row, 32));
    ScoreRows.blend(row.address(), 35, 2f, 0.5f, other.address());
    for (int i = 0; i < 36; i++) {
      float scaled = i < 32 ? values[i] * 3f : values[i];
      assertEquals(i < 35 ? into[i] * 0.5f + scaled * 2f : into[i], at(other, i), 1e-6f);
    }

    bf16.fill((byte) 1);
    ScoreRows.clearBf16(bf16.address(), 16, 32);
    assertEquals(0f, bf16At(bf16, 16));
    assertEquals(0f, bf16At(bf16, 31));
    assertTrue(bf16At(bf16, 15) != 0f);
    assertTrue(bf16At(bf16, 32) != 0f);
  }
}
