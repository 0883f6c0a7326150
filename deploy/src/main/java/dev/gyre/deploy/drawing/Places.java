package dev.gyre.deploy.drawing;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import java.util.List;

/**
 * The rank that holds each position of a row, and the step in which a program computes a pair of
 * positions.
 */
final class Places {
  private final int[] owner;
  private final int[] local;

  Places(SequenceLayout layout) {
    int tokens = layout.documents().tokens();
    owner = new int[tokens];
    local = new int[tokens];
    for (int r = 0; r < layout.ring(); r++) {
      int at = 0;
      for (TokenRange run : layout.runs(r)) {
        for (int p = run.start(); p < run.end(); p++) {
          owner[p] = r;
          local[p] = at++;
        }
      }
    }
  }

  int tokens() {
    return owner.length;
  }

  int owner(int position) {
    return owner[position];
  }

  /** The step in which a rank's program computes this pair; −1 if it does not. */
  int step(Program program, int query, int key) {
    for (int s = 0; s < program.steps().size(); s++) {
      for (Work work : program.steps().get(s).work()) {
        if (work.queryOwner() == owner[query]
            && work.keyOwner() == owner[key]
            && covers(work.tiles(), local[query], local[key])) {
          return s;
        }
      }
    }
    return -1;
  }

  private static boolean covers(List<AttentionTile> tiles, int query, int key) {
    for (AttentionTile tile : tiles) {
      int i = query - tile.queryStart();
      int j = key - tile.keyStart();
      if (i >= 0
          && i < tile.queryCount()
          && j >= 0
          && j < tile.keyCount()
          && i - j >= tile.minDelta()
          && i - j <= tile.maxDelta()) {
        return true;
      }
    }
    return false;
  }
}
