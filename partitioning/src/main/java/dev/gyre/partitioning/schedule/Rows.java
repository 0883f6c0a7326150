package dev.gyre.partitioning.schedule;

import dev.gyre.partitioning.layout.TokenRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/** Some of an owner's local rows, as ascending runs that neither overlap nor touch. Immutable. */
record Rows(List<TokenRange> runs) {
  /**
   * Maximum number of runs of a message, because every run is one transfer for each of its tensors.
   * Beyond it the smallest gaps are sent too: a few rows cost less than a transfer.
   */
  static final int MOST_RUNS = 16;

  static final Rows NONE = new Rows(List.of());

  Rows {
    runs = List.copyOf(runs);
  }

  /** The rows of queries that see a key in one of the tiles. */
  static Rows queriesOf(List<AttentionTile> tiles) {
    List<TokenRange> runs = new ArrayList<>(tiles.size());
    for (AttentionTile tile : tiles) {
      runs.add(new TokenRange(tile.queryStart(), tile.queryCount()));
    }
    return joined(runs);
  }

  /** The rows of keys that a query sees in one of the tiles. */
  static Rows keysOf(List<AttentionTile> tiles) {
    List<TokenRange> runs = new ArrayList<>(tiles.size());
    for (AttentionTile tile : tiles) {
      runs.add(new TokenRange(tile.keyStart(), tile.keyCount()));
    }
    return joined(runs);
  }

  /** The union of both, with the gaps that must be included to stay within {@link #MOST_RUNS}. */
  Rows and(Rows other) {
    if (isEmpty() || other.isEmpty()) {
      return isEmpty() ? other : this;
    }
    List<TokenRange> both = new ArrayList<>(runs);
    both.addAll(other.runs);
    return joined(both);
  }

  boolean isEmpty() {
    return runs.isEmpty();
  }

  private static Rows joined(List<TokenRange> any) {
    if (any.isEmpty()) {
      return NONE;
    }
    any.sort(Comparator.comparingInt(TokenRange::start));
    List<TokenRange> exact = new ArrayList<>();
    for (TokenRange run : any) {
      extend(exact, run, 0);
    }
    if (exact.size() <= MOST_RUNS) {
      return new Rows(exact);
    }
    List<TokenRange> fewer = new ArrayList<>();
    int bridged = largestBridgedGap(exact);
    for (TokenRange run : exact) {
      extend(fewer, run, bridged);
    }
    return new Rows(fewer);
  }

  /**
   * Gaps up to this length must be closed. Gaps of equal length are closed together, so that the
   * result does not depend on their order.
   */
  private static int largestBridgedGap(List<TokenRange> exact) {
    int[] gaps = new int[exact.size() - 1];
    for (int i = 0; i < gaps.length; i++) {
      gaps[i] = exact.get(i + 1).start() - exact.get(i).end();
    }
    Arrays.sort(gaps);
    return gaps[gaps.length - MOST_RUNS];
  }

  private static void extend(List<TokenRange> runs, TokenRange next, int bridged) {
    if (!runs.isEmpty() && next.start() - runs.getLast().end() <= bridged) {
      TokenRange last = runs.removeLast();
      runs.add(new TokenRange(last.start(), Math.max(last.end(), next.end()) - last.start()));
    } else {
      runs.add(next);
    }
  }
}
