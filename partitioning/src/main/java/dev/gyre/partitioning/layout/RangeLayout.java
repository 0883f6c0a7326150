package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mesh.EvenCut;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** A layout given by each ring rank's runs, with lookups in both directions by binary search. */
final class RangeLayout implements SequenceLayout {
  private final Documents documents;
  private final int ulysses;
  private final List<List<TokenRange>> runs = new ArrayList<>();

  /** For each ring rank the local index of each run's first token, then the rank's tokens. */
  private final int[][] localStarts;

  /** All runs by row position: first position, ring rank, local index of the first token. */
  private final int[] starts;

  private final int[] rankAt;
  private final int[] localAt;

  RangeLayout(Documents documents, int ulysses, TokenRanges[] lists) {
    this.documents = documents;
    this.ulysses = ulysses;
    localStarts = new int[lists.length][];
    int count = 0;
    for (int r = 0; r < lists.length; r++) {
      List<TokenRange> own = lists[r].build();
      runs.add(own);
      int[] local = new int[own.size() + 1];
      for (int i = 0; i < own.size(); i++) {
        local[i + 1] = local[i] + own.get(i).length();
      }
      localStarts[r] = local;
      count += own.size();
    }
    starts = new int[count];
    rankAt = new int[count];
    localAt = new int[count];
    index(count);
  }

  private void index(int count) {
    // Row position in the high half sorts; the low half finds the run again.
    long[] order = new long[count];
    int[] rank = new int[count];
    int[] local = new int[count];
    int at = 0;
    for (int r = 0; r < runs.size(); r++) {
      List<TokenRange> own = runs.get(r);
      for (int i = 0; i < own.size(); i++) {
        order[at] = ((long) own.get(i).start() << 32) | at;
        rank[at] = r;
        local[at] = localStarts[r][i];
        at++;
      }
    }
    Arrays.sort(order);
    for (int i = 0; i < count; i++) {
      int from = (int) order[i];
      starts[i] = (int) (order[i] >>> 32);
      rankAt[i] = rank[from];
      localAt[i] = local[from];
    }
  }

  @Override
  public Documents documents() {
    return documents;
  }

  @Override
  public int ring() {
    return runs.size();
  }

  @Override
  public int ulysses() {
    return ulysses;
  }

  @Override
  public List<TokenRange> runs(int ringRank) {
    return runs.get(ringRank);
  }

  @Override
  public List<TokenRange> runs(int ringRank, int ulyssesRank) {
    int from = ulyssesStart(ringRank, ulyssesRank);
    int to = ulyssesStart(ringRank, ulyssesRank + 1);
    List<TokenRange> cut = new ArrayList<>();
    if (from < to) {
      int[] local = localStarts[ringRank];
      for (int i = runHolding(local, from); i < local.length - 1 && local[i] < to; i++) {
        int start = Math.max(from, local[i]);
        int end = Math.min(to, local[i + 1]);
        cut.add(new TokenRange(runs.get(ringRank).get(i).start() + start - local[i], end - start));
      }
    }
    return List.copyOf(cut);
  }

  private int ulyssesStart(int ringRank, int ulyssesRank) {
    return Math.toIntExact(EvenCut.start(tokens(ringRank), ulysses, ulyssesRank));
  }

  @Override
  public int tokens(int ringRank) {
    int[] local = localStarts[ringRank];
    return local[local.length - 1];
  }

  @Override
  public int tokens(int ringRank, int ulyssesRank) {
    return Math.toIntExact(EvenCut.count(tokens(ringRank), ulysses, ulyssesRank));
  }

  @Override
  public int ringRankOf(int position) {
    return rankAt[runAt(position)];
  }

  @Override
  public int localOf(int position) {
    int run = runAt(position);
    return localAt[run] + position - starts[run];
  }

  private int runAt(int position) {
    if (position < 0 || position >= documents.tokens()) {
      throw new IndexOutOfBoundsException(
          "row position %d of %d".formatted(position, documents.tokens()));
    }
    return runHolding(starts, position);
  }

  private static int runHolding(int[] starts, int index) {
    int at = Arrays.binarySearch(starts, index);
    return at >= 0 ? at : -at - 2;
  }
}
