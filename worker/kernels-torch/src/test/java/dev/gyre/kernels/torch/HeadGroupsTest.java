package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import org.junit.jupiter.api.Test;

class HeadGroupsTest {
  private static void assertRuns(int[] kvHeadOf, int[]... runs) {
    assertArrayEquals(runs, HeadGroups.of(kvHeadOf).toArray(int[][]::new));
  }

  @Test
  void evenSharingIsOneRun() {
    assertRuns(new int[] {0, 0, 1, 1}, new int[] {0, 0, 2, 2});
    assertRuns(new int[] {4, 5, 6}, new int[] {0, 4, 3, 1});
    assertRuns(new int[] {3, 3, 3}, new int[] {0, 3, 1, 3});
  }

  @Test
  void everyChangeOfTheSharingStartsARun() {
    assertRuns(
        new int[] {0, 2, 2, 2, 3},
        new int[] {0, 0, 1, 1},
        new int[] {1, 2, 1, 3},
        new int[] {4, 3, 1, 1});
    assertRuns(new int[] {0, 0, 1}, new int[] {0, 0, 1, 2}, new int[] {2, 1, 1, 1});
    assertRuns(new int[] {1, 0}, new int[] {0, 1, 1, 1}, new int[] {1, 0, 1, 1});
  }

  @Test
  void noHeads() {
    assertRuns(new int[0]);
  }
}
