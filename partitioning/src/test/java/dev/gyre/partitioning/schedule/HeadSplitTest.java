package dev.gyre.partitioning.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mesh.Mesh;
import org.junit.jupiter.api.Test;

class HeadSplitTest {

  @Test
  void queryHeadsInEvenRunsWithTheKeyHeadsTheyTouch() {
    HeadSplit split = HeadSplit.of(new int[] {0, 0, 0, 1, 1, 1, 2, 2}, new Mesh(1, 1, 3, 1));
    HeadSplit.Part middle = split.parts().get(1);
    assertEquals(3, middle.firstQueryHead());
    assertEquals(3, middle.queryHeads());
    assertEquals(1, middle.firstKvHead());
    assertEquals(1, middle.kvHeads());
    assertArrayEquals(new int[] {0, 0, 0}, middle.kvHeadOf());
  }

  @Test
  void aKeyHeadBetweenTwoRunsIsCopiedToBoth() {
    HeadSplit split = HeadSplit.of(new int[] {0, 0, 0, 0, 1, 1}, new Mesh(1, 1, 2, 1));
    assertEquals(0, split.parts().get(1).firstKvHead());
    assertEquals(2, split.parts().get(1).kvHeads());
    assertArrayEquals(new int[] {0, 1, 1}, split.parts().get(1).kvHeadOf());
  }

  @Test
  void everyQueryHeadOnceForAnyDegree() {
    for (int heads = 1; heads <= 24; heads++) {
      int[] kvHeadOf = new int[heads];
      for (int h = 0; h < heads; h++) {
        kvHeadOf[h] = h / 3;
      }
      for (int ulysses = 1; ulysses <= heads; ulysses++) {
        int next = 0;
        for (HeadSplit.Part part : HeadSplit.of(kvHeadOf, new Mesh(1, 1, ulysses, 1)).parts()) {
          assertEquals(next, part.firstQueryHead());
          for (int h = 0; h < part.queryHeads(); h++) {
            assertEquals(kvHeadOf[next + h], part.firstKvHead() + part.kvHeadOf()[h]);
          }
          next += part.queryHeads();
        }
        assertEquals(heads, next);
      }
    }
  }

  @Test
  void moreRanksThanHeadsNamesAMeshThatWorks() {
    Invalid invalid =
        assertThrows(Invalid.class, () -> HeadSplit.of(new int[8], new Mesh(1, 1, 16, 1)));
    assertEquals(
        "mesh.ulysses: 16 needs at least as many query heads; the model has 8."
            + " Use ulysses 8 × ring 2 for 16 workers.",
        invalid.getMessage());
  }
}
