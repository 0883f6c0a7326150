package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.AttentionTiles;
import java.util.Random;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class TilePartsTest {
  /** Counts how often each pair is computed, and the parts of each kind. */
  private static final class Counted implements TileParts.Parts {
    private final int[][] times;
    private int flashes;
    private int bands;

    Counted(int queries, int keys) {
      times = new int[queries][keys];
    }

    @Override
    public void flash(int query, int queries, int key, int keys, boolean causal) {
      flashes++;
      assertTrue(queries > 0 && keys > 0 && (!causal || queries == keys));
      for (int i = 0; i < queries; i++) {
        for (int j = 0; j < (causal ? i + 1 : keys); j++) {
          times[query + i][key + j]++;
        }
      }
    }

    @Override
    public void band(int query, int queries, int key, int keys, int corner, int least, int most) {
      bands++;
      assertTrue(queries <= TileParts.BLOCK_QUERIES && keys <= TileParts.BLOCK_KEYS);
      for (int i = 0; i < queries; i++) {
        for (int j = 0; j < keys; j++) {
          long delta = (long) i - j + corner;
          times[query + i][key + j] += delta >= least && delta <= most ? 1 : 0;
        }
      }
    }
  }

  private static Supplier<String> where(int queries, int keys, int least, int most, int i, int j) {
    return () -> "%dx%d [%d, %d] at %d,%d".formatted(queries, keys, least, most, i, j);
  }

  private static Counted cut(int queries, int keys, int least, int most) {
    int q0 = 2;
    int k0 = 3;
    AttentionTiles tiles =
        new AttentionTiles.Builder().add(q0, queries, k0, keys, least, most).build();
    Counted counted = new Counted(q0 + queries + 1, k0 + keys + 1);
    TileParts.cut(tiles, 0, counted);
    for (int i = 0; i < counted.times.length; i++) {
      for (int j = 0; j < counted.times[i].length; j++) {
        boolean inside = i >= q0 && i < q0 + queries && j >= k0 && j < k0 + keys;
        int delta = (i - q0) - (j - k0);
        assertEquals(
            inside && delta >= least && delta <= most ? 1 : 0,
            counted.times[i][j],
            where(queries, keys, least, most, i, j));
      }
    }
    return counted;
  }

  @Test
  void coversEveryVisiblePairOnce() {
    Random random = new Random(5);
    int none = AttentionTiles.UNLIMITED;
    for (int n = 0; n < 2000; n++) {
      int queries = random.nextInt(12);
      int keys = random.nextInt(12);
      int least = random.nextInt(4) == 0 ? -none : random.nextInt(-14, 15);
      int most = random.nextInt(3) == 0 ? none : random.nextInt(-14, 15);
      cut(queries, keys, least, most);
    }
    cut(300, 1400, 0, 120);
    cut(300, 1400, -1300, -100);
  }

  @Test
  void withoutAWindowNothingIsComputedInBlocks() {
    int none = AttentionTiles.UNLIMITED;
    for (int least : new int[] {-none, -40, -3, 0, 3, 40}) {
      Counted counted = cut(30, 20, least, none);
      assertEquals(0, counted.bands);
      assertTrue(counted.flashes <= 3);
    }
    assertEquals(1, cut(30, 30, 0, none).flashes);
  }

  @Test
  void aWindowSkipsTheBlocksNobodySees() {
    Counted window = cut(4 * TileParts.BLOCK_QUERIES, 4 * TileParts.BLOCK_QUERIES, 0, 15);
    assertEquals(4, window.bands);
    assertEquals(0, window.flashes);
  }
}
