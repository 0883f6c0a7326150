package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
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
          int steps = RowDeal.of(rows, ranks, most, 0).size();
          for (int rank = 0; rank < ranks; rank++) {
            List<List<Integer>> own = RowDeal.of(rows, ranks, most, rank);
            assertEquals(steps, own.size(), "every rank enters every micro-step");
            int before = -1;
            for (List<Integer> step : own) {
              assertTrue(step.size() <= most);
              for (int row : step) {
                assertEquals(rank, row % ranks);
                assertTrue(row > before);
                before = row;
                dealt.add(row);
              }
            }
          }
          assertEquals(IntStream.range(0, rows).boxed().toList(), dealt.stream().sorted().toList());
        }
      }
    }
  }

  @Test
  void threeRowsEachForTwoRanks() {
    assertEquals(List.of(List.of(0, 2, 4), List.of(6)), RowDeal.of(8, 2, 3, 0));
    assertEquals(List.of(List.of(1, 3, 5), List.of(7)), RowDeal.of(8, 2, 3, 1));
    assertEquals(List.of(List.of(1, 3, 5), List.of()), RowDeal.of(7, 2, 3, 1));
  }
}
