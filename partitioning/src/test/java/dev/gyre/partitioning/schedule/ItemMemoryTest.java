package dev.gyre.partitioning.schedule;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.ItemMemory.Holding;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Memory for the items of other ranks. */
class ItemMemoryTest {
  private static final MessageBytes BYTES = new MessageBytes(4, 2, 16, 2);

  @Test
  void ringKeysTakeTwoSlotsWhateverItsSize() {
    for (int ring : new int[] {6, 12}) {
      SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, new Documents(16 * ring), ring, 1, 4);
      Program program = new RingSchedule().schedule(row, AttentionMask.CAUSAL).forward().get(2);
      int[] tokens = new int[ring];
      Arrays.fill(tokens, 16);
      ItemMemory memory = new ItemMemory(SchedulePass.FORWARD, program, 2, tokens);
      assertArrayEquals(new int[] {16, 16}, memory.slotRows(Item.KEY_VALUE));
      assertEquals(2 * 16 * BYTES.perRow(Item.KEY_VALUE), memory.bytes(BYTES));
    }
  }

  /** In every step, no two holdings that it uses share a slot, and each fits into its own. */
  @Test
  void whatAStepUsesHasASlotOfItsOwn() {
    for (long seed = 0; seed < 60; seed++) {
      RandomRows rows = new RandomRows(seed);
      int ring = 1 + rows.below(6);
      Documents documents = rows.documents(300);
      for (String key : ScheduleKind.KEYS) {
        ScheduleKind kind = ScheduleKind.of(key, BYTES);
        LayoutKind layout = kind.layouts().getFirst();
        SequenceLayout row = Layouts.of(layout, documents, ring, 1, 4);
        AttentionSchedule schedule = kind.schedule(row, AttentionMask.CAUSAL);
        int[] tokens = row.ringTokens();
        for (int r = 0; r < ring; r++) {
          String what = "seed " + seed + " " + key + " rank " + r;
          check(what, SchedulePass.FORWARD, schedule.forward().get(r), r, tokens);
          check(what, SchedulePass.BACKWARD, schedule.backward().get(r), r, tokens);
        }
      }
    }
  }

  private record Slot(Item item, int number) {}

  private static void check(
      String what, SchedulePass pass, Program program, int rank, int[] tokens) {
    ItemMemory memory = new ItemMemory(pass, program, rank, tokens);
    for (int s = 0; s < program.steps().size(); s++) {
      Step step = program.steps().get(s);
      Set<Integer> used = new HashSet<>();
      for (Message m : step.sends()) {
        used.add(memory.index(m.item(), m.owner()));
      }
      for (int i = 0; i < step.receives().size(); i++) {
        Message m = step.receives().get(i);
        used.add(memory.index(m.item(), m.owner()));
        boolean added = pass.results().contains(m.item());
        assertEquals(added, memory.staging(s, i) >= 0, what);
        if (added) {
          used.add(memory.staging(s, i));
        }
      }
      for (Work w : step.work()) {
        if (!w.tiles().isEmpty()) {
          used.add(memory.index(pass.queryInput(), w.queryOwner()));
          used.add(memory.index(Item.KEY_VALUE, w.keyOwner()));
        }
      }
      Set<Slot> slots = new HashSet<>();
      for (int index : used) {
        Holding h = memory.holdings().get(index);
        if (!h.own()) {
          assertTrue(slots.add(new Slot(h.item(), h.slot())), what + " step " + s);
          assertTrue(memory.slotRows(h.item())[h.slot()] >= h.rows(), what);
        }
      }
    }
  }

  @Test
  void anItemThatIsNotUsedIsNamed() {
    ItemMemory memory =
        new ItemMemory(SchedulePass.FORWARD, new Program(List.of()), 0, new int[] {4, 4});
    assertEquals(0, memory.bytes(BYTES));
    String message =
        assertThrows(IllegalArgumentException.class, () -> memory.index(Item.KEY_VALUE, 1))
            .getMessage();
    assertEquals("rank 0 does not use KEY_VALUE of rank 1 in this program", message);
  }
}
