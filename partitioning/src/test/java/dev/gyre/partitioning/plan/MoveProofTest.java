package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.LinearAttentionLayout.Move;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

final class MoveProofTest {
  private static final SequenceLayout LAYOUT =
      Layouts.of(LayoutKind.ZIGZAG, new Documents(16, 3), 2, 2, 1);
  private static final LinearAttentionLayout GOOD = LinearAttentionLayout.of(LAYOUT);

  @Test
  void everyRowIsProven() {
    RandomRows rows = new RandomRows(3);
    for (int n = 0; n < 2000; n++) {
      Documents documents = rows.documents(120);
      LayoutKind kind = rows.anyOf(LayoutKind.values());
      int ring = rows.ring();
      int ulysses = 1 + rows.below(4);
      SequenceLayout layout = Layouts.of(kind, documents, ring, ulysses, 1 + rows.below(6));
      LinearAttentionLayout linear = LinearAttentionLayout.of(layout);
      String what = "case " + n + ": " + kind + " " + ring + " × " + ulysses;
      assertDoesNotThrow(() -> PlanValidator.validate(layout, linear), what);
      long away = 0;
      long received = 0;
      for (int r = 0; r < linear.ranks(); r++) {
        away += linear.away(r);
        received += linear.received(r);
      }
      assertTrue(away == received && away <= documents.tokens(), what);
    }
  }

  private static void refused(String named, UnaryOperator<List<Move>> broken) {
    LinearAttentionLayout bad =
        new LinearAttentionLayout(
            GOOD.documents(), GOOD.starts(), broken.apply(new ArrayList<>(GOOD.moves())));
    InvalidPlanException e =
        assertThrows(InvalidPlanException.class, () -> PlanValidator.validate(LAYOUT, bad));
    assertTrue(e.getMessage().contains(named), e.getMessage());
  }

  @Test
  void brokenMovesAreRefusedByName() {
    Move first = GOOD.moves().getFirst();
    refused(
        "rank 0 holds position 0",
        moves -> {
          moves.removeFirst();
          return moves;
        });
    refused(
        "comes after",
        moves -> {
          moves.add(moves.getLast());
          return moves;
        });
    refused(
        "rank " + first.to() + " computes",
        moves -> {
          moves.set(0, new Move(first.from(), first.to(), List.of(new TokenRange(0, 19))));
          return moves;
        });
    refused(
        "in its place",
        moves -> {
          TokenRange run = first.runs().getFirst();
          TokenRange shorter = new TokenRange(run.start(), run.length() - 1);
          moves.set(0, new Move(first.from(), first.to(), List.of(shorter)));
          return moves;
        });
    refused(
        "which it does not hold",
        moves -> {
          Move last = moves.getLast();
          List<TokenRange> more = new ArrayList<>(last.runs());
          more.add(last.runs().getFirst());
          moves.set(moves.size() - 1, new Move(last.from(), last.to(), more));
          return moves;
        });
    refused("on 4 ranks", moves -> List.of(new Move(0, 4, List.of())));
  }

  @Test
  void otherRangesAreRefused() {
    for (List<Integer> starts :
        List.of(List.of(0, 5, 10, 19), List.of(0, 5, 10, 15, 18), List.of(0, 12, 10, 15, 19))) {
      LinearAttentionLayout bad = new LinearAttentionLayout(GOOD.documents(), starts, GOOD.moves());
      assertThrows(InvalidPlanException.class, () -> PlanValidator.validate(LAYOUT, bad));
    }
  }
}
