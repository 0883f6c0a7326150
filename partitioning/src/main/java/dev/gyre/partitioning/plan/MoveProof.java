package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.LinearAttentionLayout.Move;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.ArrayList;
import java.util.List;

/**
 * Proves that every token of a row reaches, exactly once, the rank that computes it in linear
 * layers. {@link PlanValidator} proves that one rank of the layout holds each position. This class
 * proves that a rank moves every token it holds, in its local order (so that a move is a contiguous
 * part of its tokens), to the rank whose range contains the token. A move is a send and its
 * receive, so the two match. All moves start together, so there is no deadlock.
 */
final class MoveProof {
  private final SequenceLayout layout;
  private final LinearAttentionLayout linear;

  MoveProof(SequenceLayout layout, LinearAttentionLayout linear) {
    this.layout = layout;
    this.linear = linear;
  }

  void prove() {
    Mesh mesh = layout.mesh();
    int ranks = mesh.workers();
    if (linear.ranks() != ranks) {
      throw new InvalidPlanException(
          "linear layers are divided over %d ranks, but the row has %d"
              .formatted(linear.ranks(), ranks));
    }
    proveStarts(ranks);
    List<List<TokenRange>> handed = handedOut(ranks);
    for (int rank = 0; rank < ranks; rank++) {
      List<TokenRange> held =
          layout.runs(mesh.place(rank, Axis.RING), mesh.place(rank, Axis.ULYSSES));
      proveSame(rank, held, handed.get(rank));
    }
  }

  private void proveStarts(int ranks) {
    for (int rank = 0; rank < ranks; rank++) {
      if (linear.tokens(rank) < 0) {
        throw new InvalidPlanException(
            "linear layers: rank %d starts at %d, after the start of the next rank"
                .formatted(rank, linear.start(rank)));
      }
    }
    if (linear.start(0) != 0 || linear.start(ranks) != layout.documents().tokens()) {
      throw new InvalidPlanException(
          "linear layers cover positions %d to %d of a row of %d"
              .formatted(linear.start(0), linear.start(ranks), layout.documents().tokens()));
    }
  }

  private List<List<TokenRange>> handedOut(int ranks) {
    List<List<TokenRange>> handed = new ArrayList<>();
    for (int rank = 0; rank < ranks; rank++) {
      handed.add(new ArrayList<>());
      if (linear.moves().isEmpty() && linear.tokens(rank) > 0) {
        handed.get(rank).add(new TokenRange(linear.start(rank), linear.tokens(rank)));
      }
    }
    int from = 0;
    int to = -1;
    for (Move move : linear.moves()) {
      if (move.from() < from || (move.from() == from && move.to() <= to)) {
        throw new InvalidPlanException(name(move) + " comes after " + from + " to " + to);
      }
      from = move.from();
      to = move.to();
      if (from >= ranks || to < 0 || to >= ranks) {
        throw new InvalidPlanException(name(move) + " in a row on " + ranks + " ranks");
      }
      for (TokenRange run : move.runs()) {
        if (run.start() < linear.start(to) || run.end() > linear.start(to + 1)) {
          throw new InvalidPlanException(
              "%s: positions %d to %d, but rank %d computes %d to %d"
                  .formatted(
                      name(move),
                      run.start(),
                      run.end() - 1,
                      to,
                      linear.start(to),
                      linear.start(to + 1) - 1));
        }
        handed.get(from).add(run);
      }
    }
    return handed;
  }

  /** Compares positions and their order; the runs may be divided differently. */
  private static void proveSame(int rank, List<TokenRange> held, List<TokenRange> handed) {
    int at = 0;
    int used = 0;
    for (TokenRange run : held) {
      int position = run.start();
      while (position < run.end()) {
        TokenRange next = at < handed.size() ? handed.get(at) : null;
        if (next == null || next.start() + used != position) {
          throw new InvalidPlanException(
              "linear layers: rank %d holds position %d, but moves %s in its place"
                  .formatted(rank, position, next == null ? "nothing" : next.start() + used));
        }
        int count = Math.min(run.end() - position, next.length() - used);
        position += count;
        used += count;
        if (used == next.length()) {
          at++;
          used = 0;
        }
      }
    }
    if (at < handed.size()) {
      throw new InvalidPlanException(
          "linear layers: rank %d moves position %d, which it does not hold"
              .formatted(rank, handed.get(at).start() + used));
    }
  }

  private static String name(Move move) {
    return "linear layers: the move from rank " + move.from() + " to " + move.to();
  }
}
