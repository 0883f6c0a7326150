package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RowDealTest {
  @Test
  void everyRowIsDealtOnceInOrder() {
    for (int rows = 0; rows < 20; rows++) {
      for (int ranks = 1; ranks < 6; ranks++) {
        for (int most = 1; most < 6; most++) {
          List<Integer> dealt = new ArrayList<>();
          for (List<List<Integer>> step : RowDeal.of(rows, ranks, most)) {
            assertEquals(ranks, step.size());
            assertFalse(step.getFirst().isEmpty(), "no micro-step is for nothing");
            for (int rank = 0; rank < ranks; rank++) {
              int own = rank;
              assertTrue(step.get(rank).size() <= most);
              assertTrue(step.get(rank).stream().allMatch(row -> row % step.size() == own));
              dealt.addAll(step.get(rank));
            }
          }
          assertEquals(IntStream.range(0, rows).boxed().toList(), dealt.stream().sorted().toList());
        }
      }
    }
  }

  @Test
  void threeRowsEachForTwoRanks() {
    assertEquals(
        List.of(List.of(List.of(0, 2, 4), List.of(1, 3, 5)), List.of(List.of(6), List.of(7))),
        RowDeal.of(8, 2, 3));
    assertEquals(
        List.of(List.of(List.of(0, 2, 4), List.of(1, 3, 5)), List.of(List.of(6), List.of())),
        RowDeal.of(7, 2, 3));
  }
}
