package dev.gyre.trainer.sequence;

import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TileCutter;
import dev.gyre.partitioning.schedule.TileGrid;
import java.util.ArrayList;
import java.util.List;

/** Schedules other than a ring: together they send every kind of item. */
final class OtherSchedules {
  private OtherSchedules() {}

  /** Every rank gets all keys at once, and returns the keys' gradients at the end. */
  static final ScheduleKind KEYS_TO_QUERIES = kind("keys-to-queries", true);

  /** Every rank gets all queries at once, and returns partial outputs and dQ at the end. */
  static final ScheduleKind QUERIES_TO_KEYS = kind("queries-to-keys", false);

  private static ScheduleKind kind(String key, boolean keysTravel) {
    return new ScheduleKind() {
      @Override
      public String key() {
        return key;
      }

      @Override
      public AttentionSchedule schedule(TileGrid grid) {
        SequenceLayout layout = grid.layout();
        TileCutter cutter = new TileCutter(layout, grid.mask());
        List<Program> forward = new ArrayList<>();
        List<Program> backward = new ArrayList<>();
        for (int rank = 0; rank < layout.ring(); rank++) {
          forward.add(program(layout, cutter, rank, keysTravel, true));
          backward.add(program(layout, cutter, rank, keysTravel, false));
        }
        return new AttentionSchedule(key, forward, backward);
      }
    };
  }

  private static Program program(
      SequenceLayout layout, TileCutter cutter, int rank, boolean keysTravel, boolean forward) {
    Item out = keysTravel ? Item.KEY_VALUE : forward ? Item.QUERY : Item.QUERY_BUNDLE;
    Item home =
        keysTravel ? Item.KEY_VALUE_GRADIENT : forward ? Item.PARTIAL_OUTPUT : Item.QUERY_GRADIENT;
    List<Message> give = new ArrayList<>();
    List<Message> take = new ArrayList<>();
    List<Message> giveBack = new ArrayList<>();
    List<Message> takeBack = new ArrayList<>();
    List<Work> others = new ArrayList<>();
    for (int peer = 0; peer < layout.ring(); peer++) {
      if (peer != rank) {
        give.add(new Message(out, rank, peer, inTwo(layout.tokens(rank))));
        take.add(new Message(out, peer, peer, inTwo(layout.tokens(peer))));
        giveBack.add(new Message(home, peer, peer, inTwo(layout.tokens(peer))));
        takeBack.add(new Message(home, rank, peer, inTwo(layout.tokens(rank))));
        int query = keysTravel ? rank : peer;
        int key = keysTravel ? peer : rank;
        others.add(new Work(query, key, cutter.between(query, key)));
      }
    }
    List<Step> steps = new ArrayList<>();
    Work own = new Work(rank, rank, cutter.between(rank, rank));
    steps.add(new Step(give, take, List.of(own)));
    steps.add(new Step(List.of(), List.of(), others));
    if (!(keysTravel && forward)) {
      steps.add(new Step(giveBack, takeBack, List.of()));
    }
    return new Program(steps);
  }

  /** All rows, in two pieces. */
  private static List<TokenRange> inTwo(int rows) {
    int half = rows / 2;
    return half == 0
        ? List.of(new TokenRange(0, rows))
        : List.of(new TokenRange(half, rows - half), new TokenRange(0, half));
  }
}
