package dev.gyre.partitioning.schedule;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.Positions;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import java.util.List;
import org.junit.jupiter.api.Test;

class TileCutterTest {
  private static final int U = AttentionTile.UNLIMITED;

  /** Compares with the definition, pair by pair; tiles must not overlap either. */
  @Test
  void everyVisiblePairIsInOneTileAndNoOther() {
    for (long seed = 0; seed < 800; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(150);
      LayoutKind kind = rows.anyOf(LayoutKind.values());
      int ring = rows.ring();
      int minChunk = 1 + rows.below(5);
      AttentionMask mask = rows.mask(documents);
      SequenceLayout layout = Layouts.of(kind, documents, ring, 1, minChunk);
      TileCutter cutter = new TileCutter(layout, mask);
      String about = "seed %d %s ring %d chunk %d %s".formatted(seed, kind, ring, minChunk, mask);
      for (int a = 0; a < ring; a++) {
        for (int b = 0; b < ring; b++) {
          check(layout, mask, a, b, cutter.between(a, b), about + " ranks " + a + " " + b);
        }
      }
    }
  }

  /** Where a window hides nothing, it and sinks must not cut a tile into several. */
  @Test
  void aWindowAsLongAsTheDocumentsCutsNothing() {
    int[] lengths = new int[64];
    java.util.Arrays.fill(lengths, 16);
    Documents documents = new Documents(lengths);
    for (LayoutKind kind : LayoutKind.values()) {
      SequenceLayout layout = Layouts.of(kind, documents, 4, 1, 2);
      TileCutter causal = new TileCutter(layout, AttentionMask.CAUSAL);
      TileCutter window = new TileCutter(layout, AttentionMask.window(16).withSinks(2));
      for (int a = 0; a < 4; a++) {
        for (int b = 0; b < 4; b++) {
          assertEquals(causal.between(a, b), window.between(a, b), kind + " " + a + " " + b);
        }
      }
    }
  }

  private static void check(
      SequenceLayout layout,
      AttentionMask mask,
      int a,
      int b,
      List<AttentionTile> tiles,
      String about) {
    int[][] visible = new int[layout.tokens(a)][layout.tokens(b)];
    int[][] covered = new int[layout.tokens(a)][layout.tokens(b)];
    for (AttentionTile tile : tiles) {
      long area = 0;
      boolean firstRow = false;
      boolean lastRow = false;
      boolean firstColumn = false;
      boolean lastColumn = false;
      boolean full = true;
      for (int i = 0; i < tile.queryCount(); i++) {
        for (int j = 0; j < tile.keyCount(); j++) {
          covered[tile.queryStart() + i][tile.keyStart() + j]++;
          if (tile.minDelta() <= i - j && i - j <= tile.maxDelta()) {
            visible[tile.queryStart() + i][tile.keyStart() + j]++;
            area++;
            firstRow |= i == 0;
            lastRow |= i == tile.queryCount() - 1;
            firstColumn |= j == 0;
            lastColumn |= j == tile.keyCount() - 1;
          } else {
            full = false;
          }
        }
      }
      assertEquals(area, tile.area(), about + " area of " + tile);
      assertTrue(firstRow && lastRow && firstColumn && lastColumn, about + " not trimmed " + tile);
      assertEquals(full, tile.minDelta() == -U && tile.maxDelta() == U, about + " mask of " + tile);
      assertEquals(full, tile.isFull(), about);
    }
    Documents documents = layout.documents();
    for (int i = 0; i < visible.length; i++) {
      int query = Positions.of(layout, a, i);
      for (int j = 0; j < visible[i].length; j++) {
        int key = Positions.of(layout, b, j);
        boolean sees = RandomRows.sees(mask, documents, query, key);
        assertEquals(sees ? 1 : 0, visible[i][j], about + " query " + i + " key " + j);
        assertTrue(covered[i][j] <= 1, about + " overlap at query " + i + " key " + j);
      }
    }
  }

  @Test
  void zigzagHasOneTilePerHopAndMasksOnlyAtHome() {
    SequenceLayout layout =
        Layouts.of(LayoutKind.ZIGZAG, new Documents(16384), 4, 1, Layouts.DEFAULT_MIN_CHUNK);
    TileCutter cutter = new TileCutter(layout, AttentionMask.CAUSAL);
    assertEquals(List.of(new AttentionTile(0, 4096, 0, 4096, 0, U)), cutter.between(1, 1));
    // Keys of an earlier rank: all queries see its first chunk.
    assertEquals(List.of(new AttentionTile(0, 4096, 0, 2048, -U, U)), cutter.between(2, 1));
    // Keys of a later rank: the second chunk of queries sees all of them.
    assertEquals(List.of(new AttentionTile(2048, 2048, 0, 4096, -U, U)), cutter.between(1, 2));
  }

  @Test
  void stripesAreBandsOfLocalIndices() {
    SequenceLayout layout = Layouts.of(LayoutKind.STRIPED, new Documents(12), 3, 1, 64);
    TileCutter cutter = new TileCutter(layout, AttentionMask.CAUSAL);
    assertEquals(List.of(new AttentionTile(0, 4, 0, 4, 0, U)), cutter.between(1, 0));
    assertEquals(List.of(new AttentionTile(1, 3, 0, 3, 0, U)), cutter.between(0, 1));
  }

  @Test
  void nothingIsComputedAcrossDocumentsOrBeyondTheWindow() {
    SequenceLayout layout = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(4, 4, 4), 2, 1, 64);
    TileCutter cutter = new TileCutter(layout, AttentionMask.window(2));
    // Rank 0 holds document 0 and half of document 1, rank 1 the rest.
    assertEquals(List.of(new AttentionTile(0, 1, 5, 1, -U, U)), cutter.between(1, 0));
    assertEquals(List.of(), cutter.between(0, 1));
  }

  /** Every document but the first sees the anchor through one tile of one key. */
  @Test
  void theAnchorIsOneKeyForAllDocuments() {
    SequenceLayout layout = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(4, 3, 5), 2, 1, 64);
    TileCutter cutter = new TileCutter(layout, AttentionMask.CAUSAL.withAnchor());
    assertEquals(
        List.of(
            new AttentionTile(0, 4, 0, 4, 0, U),
            new AttentionTile(4, 2, 4, 2, 0, U),
            new AttentionTile(4, 2, 0, 1, -U, U)),
        cutter.between(0, 0));
    // Rank 1 holds the last token of document 1, and document 2.
    assertEquals(
        List.of(new AttentionTile(0, 1, 4, 2, -U, U), new AttentionTile(0, 6, 0, 1, -U, U)),
        cutter.between(1, 0));
    assertEquals(List.of(), cutter.between(0, 1));
  }

  @Test
  void sinksAreATileOfTheirOwn() {
    SequenceLayout layout = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(12), 2, 1, 64);
    TileCutter cutter = new TileCutter(layout, AttentionMask.window(3).withSinks(2));
    assertEquals(
        List.of(new AttentionTile(0, 6, 0, 2, 0, U), new AttentionTile(2, 4, 2, 4, 0, 2)),
        cutter.between(0, 0));
    // Beyond the window of 3, only the sinks of rank 0's keys are visible.
    assertEquals(
        List.of(new AttentionTile(0, 6, 0, 2, -U, U), new AttentionTile(0, 2, 4, 2, -U, 0)),
        cutter.between(1, 0));
  }

  @Test
  void thePrefixIsFullAndShowsLaterRanks() {
    SequenceLayout layout = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(12), 2, 1, 64);
    TileCutter cutter = new TileCutter(layout, AttentionMask.CAUSAL.withPrefix(8));
    assertEquals(List.of(new AttentionTile(0, 6, 0, 6, -U, U)), cutter.between(0, 0));
    assertEquals(List.of(new AttentionTile(0, 6, 0, 2, -U, U)), cutter.between(0, 1));
    assertEquals(
        List.of(new AttentionTile(0, 2, 0, 2, -U, U), new AttentionTile(2, 4, 0, 6, -2, U)),
        cutter.between(1, 1));
  }
}
