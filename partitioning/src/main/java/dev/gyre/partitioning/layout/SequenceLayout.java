package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mesh.Mesh;
import java.util.List;

/**
 * Which tokens of one row each rank holds, and in which local order.
 *
 * <p>The row is first cut over the ring: ring rank r holds {@link #runs(int)}, concatenated. That
 * local order is then cut evenly over the Ulysses ranks. During attention (after the Ulysses
 * exchange) a rank works on its ring rank's complete local sequence; at other times on its own cut.
 */
public interface SequenceLayout {
  Documents documents();

  int ring();

  int ulysses();

  /** Tokens of each ring rank. */
  default int[] ringTokens() {
    int[] tokens = new int[ring()];
    for (int r = 0; r < tokens.length; r++) {
      tokens[r] = tokens(r);
    }
    return tokens;
  }

  /** The ranks of the row. */
  default Mesh mesh() {
    return new Mesh(1, ring(), ulysses(), 1);
  }

  /**
   * Runs of row positions held by a ring rank, in local order. None is empty; neighbours may touch.
   */
  List<TokenRange> runs(int ringRank);

  /** Runs of row positions held by one rank, in local order. */
  List<TokenRange> runs(int ringRank, int ulyssesRank);

  int tokens(int ringRank);

  int tokens(int ringRank, int ulyssesRank);

  /** Ring rank that holds a row position. */
  int ringRankOf(int position);

  /** Index of a row position in its ring rank's local order. */
  int localOf(int position);
}
