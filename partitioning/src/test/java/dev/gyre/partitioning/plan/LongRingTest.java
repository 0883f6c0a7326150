package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A sliding window over a long ring: ranks send only to near ranks, not around the ring. */
final class LongRingTest {
  private static final int RING = 512;
  private static final int TOKENS_OF_RANK = 64;

  /** A rank's queries see its own keys and those of four ranks before it. */
  private static final int NEAR = 4;

  private static final AttentionMask MASK = AttentionMask.window(NEAR * TOKENS_OF_RANK);

  private final SequenceLayout row =
      Layouts.of(LayoutKind.CONTIGUOUS, new Documents(RING * TOKENS_OF_RANK), RING, 1, 1);

  private static List<Message> sends(Program program) {
    return program.steps().stream().map(Step::sends).flatMap(List::stream).toList();
  }

  @Test
  void everyScheduleSendsToNearRanksOnly() {
    // With as many key heads as query heads, the ring's backward sends queries.
    MessageBytes wide = new MessageBytes(4, 4, 16, 2);
    List<ScheduleKind> kinds =
        List.of(
            new RingSchedule(),
            new RingSchedule(wide),
            new AllGatherSchedule(),
            new BalancedSchedule(),
            new TokenRingSchedule());
    for (ScheduleKind kind : kinds) {
      AttentionSchedule schedule = kind.schedule(row, MASK);
      PlanValidator.validate(row, schedule, MASK);
      for (List<Program> programs : List.of(schedule.forward(), schedule.backward())) {
        for (int rank = 0; rank < RING; rank++) {
          Program program = programs.get(rank);
          assertTrue(program.steps().size() <= NEAR + 3, kind.key());
          assertTrue(sends(program).size() <= 3 * NEAR, kind.key() + " of rank " + rank);
          for (Message message : sends(program)) {
            int distance = Math.abs(message.peer() - rank);
            assertTrue(distance <= NEAR, kind.key() + " of rank " + rank + " sends " + message);
          }
        }
      }
    }
  }

  /**
   * Gradient sums travel with their keys; the last rank that adds to one returns it to its owner.
   */
  @Test
  void gradientsGoHomeFromTheLastRankThatAddsToThem() {
    AttentionSchedule ring = new RingSchedule().schedule(row, MASK);
    int owner = 100;
    Message last =
        sends(ring.backward().get(owner + NEAR)).stream()
            .filter(message -> message.item() == AttentionSchedule.Item.KEY_VALUE_GRADIENT)
            .filter(message -> message.owner() == owner)
            .findFirst()
            .orElseThrow();
    assertEquals(owner, last.peer());
  }
}
