package dev.gyre.model.parameters;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.model.Initialiser;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class InitialWeightsTest {
  private static final TensorSpec QUERY =
      new TensorSpec(
          "model.layers.0.self_attn.q_proj.weight",
          new long[] {128, 128},
          TensorSpec.Precision.COMPUTE,
          0,
          -1,
          true,
          new Initialiser.Normal(1));

  /** A run, box by box. */
  private static float[] fill(TensorSpec spec, long seed, long from, int count) {
    float[] values = new float[count];
    MemorySegment into = MemorySegment.ofArray(values);
    long at = 0;
    for (TensorBox box : TensorBox.ofRun(spec.shape(), from, count)) {
      InitialWeights.fill(spec, seed, box, into.asSlice(at * Float.BYTES));
      at += box.elements();
    }
    return values;
  }

  @Test
  void anyRunIsThatPartOfTheWhole() {
    float[] whole = fill(QUERY, 7, 0, 128 * 128);
    for (int from : new int[] {0, 1, 127, 5000, 16383}) {
      for (int count : new int[] {0, 1, 1}) {
        assertArrayEquals(
            Arrays.copyOfRange(whole, from, from + count), fill(QUERY, 7, from, count));
      }
    }
    assertArrayEquals(Arrays.copyOfRange(whole, 301, 9001), fill(QUERY, 7, 301, 8700));
    TensorBox outside = new TensorBox(new long[] {127, 126}, new long[] {1, 3});
    float[] three = new float[3];
    assertThrows(
        IndexOutOfBoundsException.class,
        () -> InitialWeights.fill(QUERY, 7, outside, MemorySegment.ofArray(three)));
  }

  @Test
  void columnsAreThoseOfTheWhole() {
    float[] whole = fill(QUERY, 7, 0, 128 * 128);
    float[] columns = new float[128 * 3];
    TensorBox box = new TensorBox(new long[] {0, 50}, new long[] {128, 3});
    InitialWeights.fill(QUERY, 7, box, MemorySegment.ofArray(columns));
    for (int row = 0; row < 128; row++) {
      assertArrayEquals(
          Arrays.copyOfRange(whole, row * 128 + 50, row * 128 + 53),
          Arrays.copyOfRange(columns, row * 3, row * 3 + 3));
    }
  }

  /** Expected values come from another implementation of the documented function. */
  @Test
  void isTheDocumentedFunction() {
    float[] whole = fill(QUERY, 7, 0, 128 * 128);
    assertEquals(-2.182781774705837, whole[0], 1e-6);
    assertEquals(0.17939544564942275, whole[1], 1e-6);
    assertEquals(0.5433638187342983, whole[2], 1e-6);
    assertEquals(0.3666377132422716, whole[1000], 1e-6);
    assertEquals(0.7906061944515534, whole[16383], 1e-6);
  }

  @Test
  void isNormalAndDependsOnSeedAndName() {
    float[] a = fill(QUERY, 7, 0, 128 * 128);
    double mean = 0;
    double square = 0;
    double fourth = 0;
    for (float v : a) {
      mean += v;
      square += (double) v * v;
      fourth += (double) v * v * v * v;
    }
    int n = a.length;
    assertEquals(0, mean / n, 4 / Math.sqrt(n));
    assertEquals(1, square / n, 4 * Math.sqrt(2.0 / n));
    assertEquals(3, fourth / n, 4 * Math.sqrt(96.0 / n));
    assertNotEquals(a[0], fill(QUERY, 8, 0, 1)[0]);
    TensorSpec key =
        new TensorSpec(
            "model.layers.0.self_attn.k_proj.weight",
            QUERY.shape(),
            QUERY.precision(),
            0,
            -1,
            true,
            QUERY.initialiser());
    assertNotEquals(a[0], fill(key, 7, 0, 1)[0]);
  }

  @Test
  void quantilesOfTheNormalDistribution() {
    double[][] known = {
      {0.5, 0}, {0.25, -0.6744897501960817}, {0.9, 1.2815515655446004},
      {0.975, 1.959963984540054}, {0.001, -3.090232306167813}, {1e-10, -6.361340902404056},
      {1e-15, -7.941345326170997}
    };
    for (double[] pair : known) {
      assertEquals(
          pair[1], InitialWeights.inverseNormal(pair[0]), 1e-6 * Math.max(1, Math.abs(pair[1])));
    }
  }

  @Test
  void normsStartAtOne() {
    TensorSpec norm =
        new TensorSpec(
            "model.norm.weight",
            new long[] {4},
            TensorSpec.Precision.F32,
            -1,
            -1,
            false,
            new Initialiser.Ones());
    assertArrayEquals(new float[] {1, 1, 1, 1}, fill(norm, 7, 0, 4));
  }
}
