package dev.gyre.partitioning.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.TokenRange;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.junit.jupiter.api.Test;

class RowsTest {
  private static AttentionTile tile(int queryStart, int queries, int keyStart, int keys) {
    return new AttentionTile(
        queryStart, queries, keyStart, keys, -AttentionTile.UNLIMITED, AttentionTile.UNLIMITED);
  }

  @Test
  void rowsThatTouchAreOneRun() {
    List<AttentionTile> tiles = List.of(tile(8, 4, 0, 3), tile(0, 8, 3, 2), tile(20, 1, 9, 1));
    assertEquals(
        List.of(new TokenRange(0, 12), new TokenRange(20, 1)), Rows.queriesOf(tiles).runs());
    assertEquals(List.of(new TokenRange(0, 5), new TokenRange(9, 1)), Rows.keysOf(tiles).runs());
    assertTrue(Rows.keysOf(List.of()).isEmpty());
    assertEquals(Rows.keysOf(tiles), Rows.NONE.and(Rows.keysOf(tiles)));
    assertEquals(Rows.keysOf(tiles), Rows.keysOf(tiles).and(Rows.NONE));
  }

  /**
   * Compares with a set: no row is missing, added rows fill gaps, and no run begins or ends with
   * one.
   */
  @Test
  void unionsCoverAndStayWithinTheBound() {
    int bridged = 0;
    for (long seed = 0; seed < 300; seed++) {
      RandomRows random = new RandomRows(seed);
      BitSet want = new BitSet();
      Rows rows = Rows.NONE;
      for (int part = 0; part < 3; part++) {
        List<AttentionTile> tiles = new ArrayList<>();
        for (int i = random.below(12); i >= 0; i--) {
          AttentionTile tile = tile(0, 1, random.below(400), 1 + random.below(9));
          tiles.add(tile);
          want.set(tile.keyStart(), tile.keyEnd());
        }
        rows = rows.and(Rows.keysOf(tiles));
      }
      BitSet got = new BitSet();
      int end = -1;
      for (TokenRange run : rows.runs()) {
        assertTrue(run.start() > end, "seed " + seed);
        end = run.end();
        got.set(run.start(), end);
        assertTrue(want.get(run.start()) && want.get(end - 1), "seed " + seed);
      }
      assertTrue(rows.runs().size() <= Rows.MOST_RUNS, "seed " + seed);
      BitSet missing = (BitSet) want.clone();
      missing.andNot(got);
      assertTrue(missing.isEmpty(), "seed " + seed);
      bridged += got.equals(want) ? 0 : 1;
    }
    assertTrue(bridged > 20, bridged + " were bridged");
  }

  @Test
  void theSmallestGapsTravelAlong() {
    List<AttentionTile> tiles = new ArrayList<>();
    for (int i = 0; i < 17; i++) {
      tiles.add(tile(0, 1, i * 10 + (i > 8 ? -1 : 0), 1));
    }
    List<TokenRange> runs = Rows.keysOf(tiles).runs();
    assertEquals(16, runs.size());
    assertEquals(new TokenRange(80, 10), runs.get(8));
  }
}
