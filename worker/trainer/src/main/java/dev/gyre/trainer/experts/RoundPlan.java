package dev.gyre.trainer.experts;

import dev.gyre.model.port.ExpertGroup.Round;
import dev.gyre.partitioning.mesh.EvenCut;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts one dispatch into rounds. All rows of a receiving rank have one order: by expert, then by
 * sending rank, then as sent. A round takes one contiguous part of it, in parts that are as even as
 * possible. Every rank computes the same from the same counts.
 */
final class RoundPlan {
  private RoundPlan() {}

  /**
   * @param counts rows {@code [sending rank][expert]}
   * @param me this rank's place in the group
   * @param bound most rows a rank receives in a round
   */
  static List<Round> of(int[][] counts, int me, int bound) {
    int ranks = counts.length;
    int experts = counts[0].length;
    int rounds = 1;
    long[] total = new long[ranks];
    for (int r = 0; r < ranks; r++) {
      for (int e = (int) EvenCut.start(experts, ranks, r);
          e < EvenCut.start(experts, ranks, r + 1);
          e++) {
        for (int[] sent : counts) {
          total[r] += sent[e];
        }
      }
      rounds = Math.max(rounds, Math.toIntExact((total[r] + bound - 1) / bound));
    }
    List<Round> plan = new ArrayList<>(rounds);
    int[] next = new int[experts]; // first row of each expert that this rank has not sent yet
    for (int e = 1; e < experts; e++) {
      next[e] = next[e - 1] + counts[me][e - 1];
    }
    for (int round = 0; round < rounds; round++) {
      plan.add(round(counts, total, me, rounds, round, next));
    }
    return plan;
  }

  private static Round round(
      int[][] counts, long[] total, int me, int rounds, int round, int[] next) {
    int ranks = counts.length;
    int experts = counts[0].length;
    int first = (int) EvenCut.start(experts, ranks, me);
    int local = (int) EvenCut.count(experts, ranks, me);
    int[] sendStart = next.clone();
    int[] sendCount = new int[experts];
    int[][] receiveCount = new int[ranks][local];
    for (int r = 0; r < ranks; r++) {
      long from = EvenCut.start(total[r], rounds, round);
      long to = EvenCut.start(total[r], rounds, round + 1);
      long at = 0;
      for (int e = (int) EvenCut.start(experts, ranks, r);
          e < EvenCut.start(experts, ranks, r + 1);
          e++) {
        for (int source = 0; source < ranks; source++) {
          long end = at + counts[source][e];
          int inRound = (int) Math.max(0, Math.min(end, to) - Math.max(at, from));
          at = end;
          if (source == me) {
            sendCount[e] = inRound;
            next[e] += inRound;
          }
          if (r == me) {
            receiveCount[source][e - first] = inRound;
          }
        }
      }
    }
    return new Round(sendStart, sendCount, receiveCount, offsets(receiveCount, local));
  }

  private static int[] offsets(int[][] receiveCount, int local) {
    int[] offsets = new int[local + 1];
    for (int e = 0; e < local; e++) {
      offsets[e + 1] = offsets[e];
      for (int[] fromSource : receiveCount) {
        offsets[e + 1] += fromSource[e];
      }
    }
    return offsets;
  }
}
