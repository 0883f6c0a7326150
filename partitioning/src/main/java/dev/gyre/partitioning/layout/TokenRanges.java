package dev.gyre.partitioning.layout;

import java.util.ArrayList;
import java.util.List;

/** Collects one rank's runs in local order: drops empty ones, joins those that touch. */
final class TokenRanges {
  private final List<TokenRange> runs = new ArrayList<>();
  private int pendingStart;
  private int pendingLength;

  static TokenRanges[] perRank(int ranks) {
    TokenRanges[] lists = new TokenRanges[ranks];
    for (int r = 0; r < ranks; r++) {
      lists[r] = new TokenRanges();
    }
    return lists;
  }

  void add(int start, int length) {
    if (length == 0) {
      return;
    }
    if (pendingStart + pendingLength == start) {
      pendingLength += length;
      return;
    }
    flush();
    pendingStart = start;
    pendingLength = length;
  }

  List<TokenRange> build() {
    flush();
    pendingLength = 0;
    return List.copyOf(runs);
  }

  private void flush() {
    if (pendingLength > 0) {
      runs.add(new TokenRange(pendingStart, pendingLength));
    }
  }
}
