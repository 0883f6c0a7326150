package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.ArrayList;
import java.util.List;

/**
 * Token layout of a row in its linear-attention layers. Every rank holds consecutive tokens in rank
 * order, so that a state can be passed from rank to rank. Also describes how tokens get there from
 * the layout of all other layers. Ranks are those of the row: {@link SequenceLayout#mesh}.
 *
 * @param documents of the row
 * @param starts row position of each rank's first token, and finally the row's token count
 * @param moves tokens that change rank or stay, by source rank and then by destination rank; empty
 *     if every rank holds its part already
 */
public record LinearAttentionLayout(Documents documents, List<Integer> starts, List<Move> moves) {

  /**
   * Tokens that one rank sends to another, or keeps.
   *
   * @param runs row positions in ascending order
   */
  public record Move(int from, int to, List<TokenRange> runs) {
    public Move {
      runs = List.copyOf(runs);
    }

    public int tokens() {
      int tokens = 0;
      for (TokenRange run : runs) {
        tokens += run.length();
      }
      return tokens;
    }
  }

  public LinearAttentionLayout {
    starts = List.copyOf(starts);
    moves = List.copyOf(moves);
  }

  /**
   * Uses the layout itself if it is in rank order already, else even consecutive cuts. All layouts
   * keep a rank's tokens in the row's order, so the tokens for one rank are contiguous in the
   * sender's tokens.
   */
  public static LinearAttentionLayout of(SequenceLayout layout) {
    List<List<TokenRange>> held = new ArrayList<>();
    Mesh mesh = layout.mesh();
    for (int rank = 0; rank < mesh.workers(); rank++) {
      held.add(layout.runs(mesh.place(rank, Axis.RING), mesh.place(rank, Axis.ULYSSES)));
    }
    List<Integer> starts = new ArrayList<>();
    if (inRankOrder(held, starts)) {
      return new LinearAttentionLayout(layout.documents(), starts, List.of());
    }
    starts.clear();
    int tokens = layout.documents().tokens();
    for (int r = 0; r <= held.size(); r++) {
      starts.add(Math.toIntExact(EvenCut.start(tokens, held.size(), r)));
    }
    List<Move> moves = new ArrayList<>();
    for (int r = 0; r < held.size(); r++) {
      addMoves(moves, r, held.get(r), starts);
    }
    return new LinearAttentionLayout(layout.documents(), starts, moves);
  }

  private static boolean inRankOrder(List<List<TokenRange>> held, List<Integer> starts) {
    int at = 0;
    for (List<TokenRange> runs : held) {
      starts.add(at);
      for (TokenRange run : runs) {
        if (run.start() != at) {
          return false;
        }
        at = run.end();
      }
    }
    starts.add(at);
    return true;
  }

  private static void addMoves(
      List<Move> moves, int from, List<TokenRange> runs, List<Integer> starts) {
    int to = 0;
    int before = 0;
    List<TokenRange> pending = new ArrayList<>();
    for (TokenRange run : runs) {
      if (run.start() < before) {
        throw new IllegalArgumentException(
            "rank %d holds position %d after %d; its tokens must be in the row's order"
                .formatted(from, run.start(), before - 1));
      }
      before = run.end();
      int start = run.start();
      while (start < run.end()) {
        if (start >= starts.get(to + 1)) {
          flush(moves, from, to, pending);
          to++;
          continue;
        }
        int end = Math.min(run.end(), starts.get(to + 1));
        pending.add(new TokenRange(start, end - start));
        start = end;
      }
    }
    flush(moves, from, to, pending);
  }

  private static void flush(List<Move> moves, int from, int to, List<TokenRange> pending) {
    if (!pending.isEmpty()) {
      moves.add(new Move(from, to, pending));
      pending.clear();
    }
  }

  public int ranks() {
    return starts.size() - 1;
  }

  /** Row position of a rank's first token. */
  public int start(int rank) {
    return starts.get(rank);
  }

  public int tokens(int rank) {
    return starts.get(rank + 1) - starts.get(rank);
  }

  /** Number of tokens that a rank sends to others. */
  public long away(int rank) {
    long tokens = 0;
    for (Move move : moves) {
      tokens += move.from() == rank && move.to() != rank ? move.tokens() : 0;
    }
    return tokens;
  }

  /** Number of tokens that a rank receives from others. */
  public long received(int rank) {
    long tokens = 0;
    for (Move move : moves) {
      tokens += move.to() == rank && move.from() != rank ? move.tokens() : 0;
    }
    return tokens;
  }

  /** Starts of documents among a rank's tokens, counted from its first. */
  public int[] documentStarts(int rank) {
    int[] found = new int[tokens(rank)];
    int count = 0;
    int end = start(rank) + tokens(rank);
    if (start(rank) < end) {
      int d = documents.documentOf(start(rank));
      if (documents.start(d) < start(rank)) {
        d++;
      }
      for (; d < documents.count() && documents.start(d) < end; d++) {
        found[count++] = documents.start(d) - start(rank);
      }
    }
    return java.util.Arrays.copyOf(found, count);
  }

  /**
   * Whether a later rank's first token belongs to a document that has tokens on an earlier rank, so
   * that the earlier rank's state is part of the later rank's.
   */
  public boolean continues(int earlier, int later) {
    if (earlier >= later || tokens(earlier) == 0 || tokens(later) == 0) {
      return false;
    }
    return documents.start(documents.documentOf(start(later))) < starts.get(earlier + 1);
  }
}
