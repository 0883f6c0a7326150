package dev.gyre.partitioning.layout;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.mesh.EvenCut;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class LayoutsTest {

  @Test
  void everyPositionHasOnePlaceAndComesBack() {
    for (long seed = 0; seed < 400; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(300);
      LayoutKind kind = rows.anyOf(LayoutKind.values());
      int ring = rows.ring();
      int ulysses = 1 + rows.below(5);
      SequenceLayout layout = Layouts.of(kind, documents, ring, ulysses, 1 + rows.below(6));
      String about = "seed " + seed + " " + kind + " ring " + ring + " ulysses " + ulysses;
      boolean[] seen = new boolean[documents.tokens()];
      for (int r = 0; r < ring; r++) {
        int local = 0;
        for (TokenRange run : layout.runs(r)) {
          assertTrue(run.length() > 0, about);
          for (int position = run.start(); position < run.end(); position++) {
            assertTrue(!seen[position], about);
            seen[position] = true;
            assertEquals(r, layout.ringRankOf(position), about);
            assertEquals(local, layout.localOf(position), about);
            assertEquals(position, Positions.of(layout, r, local), about);
            local++;
          }
        }
        assertEquals(local, layout.tokens(r), about);
        checkUlysses(layout, r, about);
      }
      for (boolean one : seen) {
        assertTrue(one, about);
      }
    }
  }

  private static void checkUlysses(SequenceLayout layout, int ringRank, String about) {
    List<Integer> joined = new ArrayList<>();
    for (int u = 0; u < layout.ulysses(); u++) {
      int tokens = 0;
      for (TokenRange run : layout.runs(ringRank, u)) {
        assertTrue(run.length() > 0, about);
        tokens += run.length();
        for (int position = run.start(); position < run.end(); position++) {
          joined.add(position);
        }
      }
      assertEquals(tokens, layout.tokens(ringRank, u), about);
      assertEquals(EvenCut.count(layout.tokens(ringRank), layout.ulysses(), u), tokens, about);
    }
    for (int local = 0; local < joined.size(); local++) {
      assertEquals(joined.get(local), Positions.of(layout, ringRank, local), about);
    }
    assertEquals(layout.tokens(ringRank), joined.size(), about);
  }

  @Test
  void zigzagGivesChunkRAndItsMirror() {
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, new Documents(3, 17), 2, 1, 4);
    // 17 tokens in 4 chunks of 5, 4, 4, 4; the short document goes to the rank with 8, not 9.
    assertEquals(List.of(new TokenRange(3, 5), new TokenRange(16, 4)), layout.runs(0));
    assertEquals(List.of(new TokenRange(0, 3), new TokenRange(8, 8)), layout.runs(1));
  }

  @Test
  void stripedAndContiguousAreWhatTheirNamesSay() {
    Documents documents = new Documents(4, 3);
    SequenceLayout striped = Layouts.of(LayoutKind.STRIPED, documents, 3, 1, 64);
    assertEquals(List.of(new TokenRange(1, 1), new TokenRange(4, 1)), striped.runs(1));
    SequenceLayout contiguous = Layouts.of(LayoutKind.CONTIGUOUS, documents, 3, 1, 64);
    assertEquals(List.of(new TokenRange(3, 2)), contiguous.runs(1));
  }

  @Test
  void aRingOfOneIsContiguousWhateverTheKind() {
    for (LayoutKind kind : LayoutKind.values()) {
      SequenceLayout layout = Layouts.of(kind, new Documents(200, 300), 1, 2, 64);
      assertEquals(List.of(new TokenRange(0, 500)), layout.runs(0));
      assertEquals(List.of(new TokenRange(250, 250)), layout.runs(0, 1));
    }
  }

  /**
   * The bound must hold for every length from 100·P on; then it holds for any mix of such
   * documents.
   */
  @Test
  void zigzagTokensAndAreaStayWithinTwoPercentOfTheMean() {
    for (int ring : new int[] {2, 3, 4, 5, 7, 8, 16, 31, 64}) {
      for (int length = 100 * ring; length < 104 * ring; length++) {
        assertBalanced(new Documents(length), ring, "ring " + ring + " length " + length);
      }
      for (long seed = 0; seed < 20; seed++) {
        RandomRows rows = new RandomRows(seed);
        int[] lengths = new int[1 + rows.below(12)];
        for (int d = 0; d < lengths.length; d++) {
          lengths[d] = 100 * ring + rows.below(500 * ring);
        }
        assertBalanced(new Documents(lengths), ring, "seed " + seed + " ring " + ring);
      }
    }
  }

  private static void assertBalanced(Documents documents, int ring, String about) {
    // Documents of 100·P tokens have chunks of 50 tokens.
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, documents, ring, 1, 50);
    double meanTokens = (double) documents.tokens() / ring;
    long allArea = 0;
    for (int d = 0; d < documents.count(); d++) {
      allArea += (long) documents.length(d) * (documents.length(d) + 1) / 2;
    }
    double meanArea = (double) allArea / ring;
    for (int r = 0; r < ring; r++) {
      assertEquals(1, layout.tokens(r) / meanTokens, 0.02, about + " tokens of rank " + r);
      assertEquals(1, area(layout, r) / meanArea, 0.02, about + " area of rank " + r);
    }
  }

  private static long area(SequenceLayout layout, int rank) {
    long area = 0;
    for (TokenRange run : layout.runs(rank)) {
      for (int position = run.start(); position < run.end(); position++) {
        int document = layout.documents().documentOf(position);
        area += position - layout.documents().start(document) + 1;
      }
    }
    return area;
  }

  @Test
  void shortDocumentsEvenOutTokensFirst() {
    int[] lengths = new int[1000];
    for (int d = 0; d < lengths.length; d++) {
      lengths[d] = 1 + d * 7919 % 100;
    }
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, new Documents(lengths), 8, 1, 64);
    int least = Integer.MAX_VALUE;
    int most = 0;
    for (int r = 0; r < 8; r++) {
      least = Math.min(least, layout.tokens(r));
      most = Math.max(most, layout.tokens(r));
    }
    assertTrue(most - least <= 1, "tokens from " + least + " to " + most);
  }

  @Test
  void equalTokensAreDealtByArea() {
    // After 6 went to rank 0 and 3 + 3 to rank 1, both have 6 tokens, but areas of 21 and 12.
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, new Documents(6, 3, 3, 2), 2, 1, 64);
    assertEquals(6, layout.tokens(0));
    assertEquals(8, layout.tokens(1));
  }

  @Test
  void badDegreesAreRefused() {
    Documents documents = new Documents(5);
    assertThrows(
        IllegalArgumentException.class, () -> Layouts.of(LayoutKind.ZIGZAG, documents, 0, 1, 64));
    assertThrows(
        IllegalArgumentException.class, () -> Layouts.of(LayoutKind.ZIGZAG, documents, 1, 0, 64));
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, documents, 2, 1, 64);
    assertThrows(IndexOutOfBoundsException.class, () -> layout.ringRankOf(5));
  }
}
