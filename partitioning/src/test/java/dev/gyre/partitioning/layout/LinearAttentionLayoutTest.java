package dev.gyre.partitioning.layout;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

final class LinearAttentionLayoutTest {
  @Test
  void aRowInRankOrderStaysWhereItIs() {
    Documents documents = new Documents(10);
    SequenceLayout layout = Layouts.of(LayoutKind.CONTIGUOUS, documents, 2, 2, 1);
    LinearAttentionLayout linear = LinearAttentionLayout.of(layout);
    assertTrue(linear.moves().isEmpty());
    // Five tokens for each of two ring ranks, each cut 3 + 2, unlike an even cut over four.
    assertEquals(List.of(0, 3, 5, 8, 10), linear.starts());
  }

  @Test
  void zigzagTokensMoveToTheRankInWhoseRangeTheyLie() {
    Documents documents = new Documents(8);
    LinearAttentionLayout linear =
        LinearAttentionLayout.of(Layouts.of(LayoutKind.ZIGZAG, documents, 2, 1, 1));
    assertEquals(List.of(0, 4, 8), linear.starts());
    assertEquals(
        List.of(
            new LinearAttentionLayout.Move(0, 0, List.of(new TokenRange(0, 2))),
            new LinearAttentionLayout.Move(0, 1, List.of(new TokenRange(6, 2))),
            new LinearAttentionLayout.Move(1, 0, List.of(new TokenRange(2, 2))),
            new LinearAttentionLayout.Move(1, 1, List.of(new TokenRange(4, 2)))),
        linear.moves());
    assertEquals(2, linear.away(0));
    assertEquals(2, linear.received(0));
  }

  @Test
  void aStateCountsWhereADocumentGoesOn() {
    Documents documents = new Documents(5, 1, 6);
    LinearAttentionLayout linear =
        LinearAttentionLayout.of(Layouts.of(LayoutKind.CONTIGUOUS, documents, 4, 1, 1));
    assertEquals(List.of(0, 3, 6, 9, 12), linear.starts());
    assertTrue(linear.continues(0, 1), "document 0 goes on at 3");
    assertFalse(linear.continues(1, 2), "document 2 begins at 6");
    assertTrue(linear.continues(2, 3));
    assertFalse(linear.continues(0, 3));
    assertFalse(linear.continues(1, 0));
    assertArrayEquals(new int[] {0}, linear.documentStarts(0));
    assertArrayEquals(new int[] {2}, linear.documentStarts(1));
    assertArrayEquals(new int[] {0}, linear.documentStarts(2));
    assertArrayEquals(new int[] {}, linear.documentStarts(3));
  }

  @Test
  void moreRanksThanTokens() {
    LinearAttentionLayout linear =
        LinearAttentionLayout.of(Layouts.of(LayoutKind.CONTIGUOUS, new Documents(2), 4, 1, 1));
    assertTrue(linear.continues(0, 1));
    assertFalse(linear.continues(0, 2), "rank 2 has no tokens");
    assertArrayEquals(new int[] {}, linear.documentStarts(3));
  }
}
