package dev.gyre.kernels.torch;

import java.util.ArrayList;
import java.util.List;

/**
 * Divides the query heads of a call into runs that are views of one strided tensor: consecutive
 * key/value heads, each shared by equally many consecutive query heads. Multi-head attention is one
 * run, and so is grouped-query attention whose heads divide evenly.
 */
final class HeadGroups {
  private HeadGroups() {}

  /**
   * Each run as first query head, first key/value head, key/value heads, query heads of each.
   *
   * @param kvHeadOf key/value head of every query head
   */
  static List<int[]> of(int[] kvHeadOf) {
    List<int[]> runs = new ArrayList<>();
    int head = 0;
    while (head < kvHeadOf.length) {
      int group = sharing(kvHeadOf, head);
      int kvHeads = 1;
      int next = head + group;
      while (next < kvHeadOf.length
          && kvHeadOf[next] == kvHeadOf[head] + kvHeads
          && sharing(kvHeadOf, next) == group) {
        kvHeads++;
        next += group;
      }
      runs.add(new int[] {head, kvHeadOf[head], kvHeads, group});
      head = next;
    }
    return runs;
  }

  private static int sharing(int[] kvHeadOf, int first) {
    int end = first;
    while (end < kvHeadOf.length && kvHeadOf[end] == kvHeadOf[first]) {
      end++;
    }
    return end - first;
  }
}
