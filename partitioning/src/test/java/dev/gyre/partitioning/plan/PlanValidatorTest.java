package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.RandomRows;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import dev.gyre.partitioning.schedule.RingSchedule;
import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

class PlanValidatorTest {
  private final SequenceLayout layout =
      Layouts.of(LayoutKind.ZIGZAG, new Documents(400, 90, 30), 4, 1, 8);
  private final AttentionSchedule good =
      new RingSchedule().schedule(layout, AttentionMask.window(0));

  private String refused(AttentionSchedule schedule) {
    return refused(layout, schedule);
  }

  private static String refused(SequenceLayout row, AttentionSchedule schedule) {
    InvalidPlanException refusal =
        assertThrows(
            InvalidPlanException.class,
            () -> PlanValidator.validate(row, schedule, AttentionMask.window(0)));
    return String.valueOf(refusal.getMessage());
  }

  private static void assertNames(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), "'" + message + "' should name '" + part + "'");
    }
  }

  // --- valid schedules ------------------------------------------------------------------------

  @Test
  void ringSchedulesAreProvenForAnyRow() {
    for (long seed = 0; seed < 300; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(2000);
      int ring = rows.ring();
      AttentionMask mask = rows.mask(documents);
      SequenceLayout row =
          Layouts.of(rows.anyOf(LayoutKind.values()), documents, ring, 1, 1 + rows.below(70));
      AttentionSchedule schedule = new RingSchedule().schedule(row, mask);
      assertDoesNotThrow(
          () -> PlanValidator.validate(row, schedule, mask),
          "seed " + seed + " ring " + ring + " " + mask);
    }
  }

  @Test
  void ringMessagesAreAsManyAsTheFormulaSays() {
    for (int ring = 1; ring <= 6; ring++) {
      SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, new Documents(4 * ring), ring, 1, 1);
      AttentionSchedule schedule = new RingSchedule().schedule(row, AttentionMask.window(0));
      for (int rank = 0; rank < ring; rank++) {
        assertEquals(ring - 1, sent(schedule.forward().get(rank), Item.KEY_VALUE));
        assertEquals(ring - 1, sent(schedule.backward().get(rank), Item.KEY_VALUE));
        assertEquals(ring - 1, sent(schedule.backward().get(rank), Item.KEY_VALUE_GRADIENT));
        assertEquals(ring, schedule.forward().get(rank).steps().size());
      }
    }
  }

  private static long sent(Program program, Item item) {
    return program.steps().stream()
        .flatMap(step -> step.sends().stream())
        .filter(message -> message.item() == item)
        .count();
  }

  /** Proving a batch must take far less than its step; the bound leaves room for a busy machine. */
  @Test
  void aBatchIsProvenInMilliseconds() {
    SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, new Documents(16384), 4, 1, 64);
    AttentionSchedule schedule = new RingSchedule().schedule(row, AttentionMask.window(0));
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 200; i++) {
      long start = System.nanoTime();
      PlanValidator.validate(row, schedule, AttentionMask.window(0));
      best = Math.min(best, System.nanoTime() - start);
    }
    assertTrue(best < 3_000_000, "took " + best + " ns");
  }

  @Test
  void thousandsOfTinyDocumentsStayCheap() {
    int[] lengths = new int[20_000];
    for (int d = 0; d < lengths.length; d++) {
      lengths[d] = 1 + d % 13;
    }
    Documents documents = new Documents(lengths);
    SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, documents, 32, 1, 64);
    AttentionSchedule schedule = new RingSchedule().schedule(row, AttentionMask.window(0));
    PlanValidator.validate(row, schedule, AttentionMask.window(0));
    long tiles = 0;
    for (Program program : schedule.forward()) {
      for (Step step : program.steps()) {
        tiles += step.work().getFirst().tiles().size();
      }
    }
    assertEquals(lengths.length, tiles);
  }

  // --- tiles ----------------------------------------------------------------------------------

  @Test
  void aDroppedTileIsNamed() {
    for (boolean forward : new boolean[] {true, false}) {
      AttentionTile tile = good.forward().get(2).steps().get(1).work().getFirst().tiles().get(0);
      String message =
          refused(Mutation.step(good, forward, 2, 1, Mutation.tiles(Mutation.without(0))));
      assertNames(
          message,
          forward ? "forward" : "backward",
          "of rank 2",
          "of rank 1 (document 0)",
          "keys " + tile.keyStart() + " to",
          tile.area() + " pairs are missing");
    }
  }

  @Test
  void aDoubledTileIsNamedAtBothPlaces() {
    UnaryOperator<List<AttentionTile>> twice =
        tiles -> {
          tiles.add(tiles.getFirst());
          return tiles;
        };
    String message = refused(Mutation.step(good, true, 3, 0, Mutation.tiles(twice)));
    assertNames(message, "forward: rank 3 step 0", "again that rank 3 step 0 has");
  }

  @Test
  void aTileThatShowsTheFutureIsNamed() {
    UnaryOperator<AttentionTile> unmask =
        t ->
            new AttentionTile(
                t.queryStart(),
                t.queryCount(),
                t.keyStart(),
                t.keyCount(),
                -1,
                AttentionTile.UNLIMITED);
    String message =
        refused(Mutation.step(good, true, 0, 0, Mutation.tiles(Mutation.replace(0, unmask))));
    assertNames(message, "forward: rank 0 step 0", "not visible", "ahead of them");
  }

  @Test
  void aTileAcrossDocumentsIsNamed() {
    UnaryOperator<AttentionTile> wider =
        t ->
            new AttentionTile(
                t.queryStart(),
                t.queryCount() + 1,
                t.keyStart(),
                t.keyCount(),
                t.minDelta(),
                t.maxDelta());
    String message =
        refused(Mutation.step(good, false, 1, 0, Mutation.tiles(Mutation.replace(0, wider))));
    assertNames(
        message, "backward: rank 1 step 0", "queries of document", "against keys of document 0");
  }

  @Test
  void aTileBeyondTheRowsIsNamed() {
    AttentionTile far = new AttentionTile(5000, 1, 0, 1, 0, 0);
    UnaryOperator<List<AttentionTile>> add =
        tiles -> {
          tiles.add(far);
          return tiles;
        };
    assertNames(
        refused(Mutation.step(good, true, 1, 2, Mutation.tiles(add))),
        "rank 1 step 2",
        "queries 5000 to 5000",
        "reaches beyond");
  }

  /**
   * A schedule for one mask is refused for another: a tile shows too much, or pairs are missing.
   */
  @Test
  void aPlanOfAnotherMaskIsRefused() {
    AttentionMask window = AttentionMask.window(30);
    AttentionMask sinks = window.withSinks(4);
    AttentionMask anchor = AttentionMask.CAUSAL.withAnchor();
    AttentionMask prefix = AttentionMask.CAUSAL.withPrefix(70);
    assertNames(refusedAs(window, sinks), "outside the window");
    assertNames(refusedAs(sinks, window), "no tile has all visible pairs", "pairs are missing");
    assertNames(refusedAs(sinks, window.withSinks(3)), "no tile has all", "(document");
    assertNames(refusedAs(AttentionMask.CAUSAL, anchor), "against keys of document 0");
    assertNames(refusedAs(anchor, AttentionMask.CAUSAL), "pairs are missing");
    assertNames(refusedAs(AttentionMask.CAUSAL, prefix), "ahead of them");
    assertNames(refusedAs(prefix, AttentionMask.CAUSAL), "no tile has all", "pairs are missing");
    assertNames(refusedAs(AttentionMask.CAUSAL.withPrefix(69), prefix), "ahead of them");
  }

  private String refusedAs(AttentionMask wanted, AttentionMask planned) {
    AttentionSchedule schedule = new RingSchedule().schedule(layout, planned);
    PlanValidator.validate(layout, schedule, planned);
    InvalidPlanException refusal =
        assertThrows(
            InvalidPlanException.class, () -> PlanValidator.validate(layout, schedule, wanted));
    return String.valueOf(refusal.getMessage());
  }

  /** Any row with any single tile shifted, cut or masked differently is refused. */
  @Test
  void anyChangeOfAnyTileIsRefused() {
    for (long seed = 0; seed < 400; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(400);
      int ring = 1 + rows.below(6);
      AttentionMask mask = rows.mask(documents);
      SequenceLayout row =
          Layouts.of(rows.anyOf(LayoutKind.values()), documents, ring, 1, 1 + rows.below(9));
      AttentionSchedule schedule = new RingSchedule().schedule(row, mask);
      boolean forward = rows.below(2) == 0;
      int rank = rows.below(ring);
      List<Step> steps = schedule.forward().get(rank).steps();
      int step = rows.below(steps.size());
      if (steps.get(step).work().isEmpty()) {
        continue;
      }
      List<AttentionTile> tiles = steps.get(step).work().getFirst().tiles();
      int at = rows.below(tiles.size());
      AttentionTile changed = changed(tiles.get(at), rows.below(6));
      if (changed.queryStart() == tiles.get(at).queryStart()
          && changed.keyStart() == tiles.get(at).keyStart()
          && changed.area() == tiles.get(at).area()) {
        continue;
      }
      AttentionSchedule bad =
          Mutation.step(
              schedule, forward, rank, step, Mutation.tiles(Mutation.replace(at, t -> changed)));
      assertThrows(
          InvalidPlanException.class,
          () -> PlanValidator.validate(row, bad, mask),
          "seed " + seed + " tile " + tiles.get(at) + " changed to " + changed);
    }
  }

  private static AttentionTile changed(AttentionTile t, int how) {
    int u = AttentionTile.UNLIMITED;
    return switch (how) {
      case 0 -> tile(t, t.queryStart() + 1, t.queryCount(), t.keyStart(), t.keyCount());
      case 1 -> tile(t, t.queryStart(), t.queryCount(), t.keyStart() + 1, t.keyCount());
      case 2 -> tile(t, t.queryStart(), t.queryCount() + 1, t.keyStart(), t.keyCount());
      case 3 ->
          tile(t, t.queryStart(), Math.max(1, t.queryCount() - 1), t.keyStart(), t.keyCount());
      case 4 ->
          new AttentionTile(t.queryStart(), t.queryCount(), t.keyStart(), t.keyCount(), -u, u);
      default ->
          new AttentionTile(
              t.queryStart(),
              t.queryCount(),
              t.keyStart(),
              t.keyCount(),
              Math.max(t.minDelta(), 1 - t.keyCount()) + 1,
              t.maxDelta());
    };
  }

  private static AttentionTile tile(
      AttentionTile t, int queryStart, int queryCount, int keyStart, int keyCount) {
    return new AttentionTile(
        queryStart, queryCount, keyStart, keyCount, t.minDelta(), t.maxDelta());
  }

  // --- messages -------------------------------------------------------------------------------

  @Test
  void aMissingReceiveIsNamed() {
    String message =
        refused(Mutation.step(good, true, 2, 2, Mutation.receives(Mutation.without(0))));
    assertNames(
        message,
        "forward: message 2 from rank 1 to rank 2",
        "rank 1 step 2 sends KEY_VALUE of rank 3",
        "rank 2 has no receive left");
  }

  @Test
  void aMissingSendIsNamed() {
    String message = refused(Mutation.step(good, false, 3, 4, Mutation.sends(Mutation.without(0))));
    assertNames(
        message, "backward", "from rank 3 to rank 0", "sends nothing more", "rank 0 step 4");
  }

  @Test
  void aWrongOwnerOrItemIsNamed() {
    UnaryOperator<Message> other =
        m -> new Message(m.item(), 0, m.peer(), List.of(new TokenRange(0, layout.tokens(0))));
    assertNames(
        refused(Mutation.step(good, true, 2, 0, Mutation.sends(Mutation.replace(0, other)))),
        "from rank 2 to rank 3",
        "step 0 sends KEY_VALUE of rank 0",
        "step 0 receives KEY_VALUE of rank 2");
    UnaryOperator<Message> item =
        m -> new Message(Item.KEY_VALUE_GRADIENT, m.owner(), m.peer(), m.rows());
    assertNames(
        refused(Mutation.step(good, true, 2, 0, Mutation.sends(Mutation.replace(0, item)))),
        "rank 2 step 0 sends KEY_VALUE_GRADIENT",
        "no meaning forward");
  }

  @Test
  void wrongRowsAndPeersAreNamed() {
    UnaryOperator<Message> rows =
        m -> new Message(m.item(), m.owner(), m.peer(), List.of(new TokenRange(0, 5000)));
    assertNames(
        refused(Mutation.step(good, true, 1, 0, Mutation.sends(Mutation.replace(0, rows)))),
        "rank 1 step 0 sends",
        "rows 0..4999");
    UnaryOperator<Message> self = m -> new Message(m.item(), m.owner(), 1, m.rows());
    assertNames(
        refused(Mutation.step(good, true, 1, 0, Mutation.sends(Mutation.replace(0, self)))),
        "no other rank of the ring of 4");
    UnaryOperator<Message> part =
        m -> new Message(m.item(), m.owner(), m.peer(), List.of(new TokenRange(0, 1)));
    AttentionSchedule oneEnd =
        Mutation.step(good, false, 1, 4, Mutation.sends(Mutation.replace(0, part)));
    assertNames(refused(oneEnd), "rank 1 step 4 sends KEY_VALUE_GRADIENT", "rows 0..0");
    assertNames(
        refused(Mutation.step(oneEnd, false, 2, 4, Mutation.receives(Mutation.replace(0, part)))),
        "rank 1 step 4 sends KEY_VALUE_GRADIENT of rank 2 but leaves row 1 of its share behind");
  }

  @Test
  void sendingWhatHasNotArrivedIsNamed() {
    // Both ends agree on rank 3's keys, which rank 1 does not have in step 0.
    AttentionSchedule bad =
        Mutation.step(
            Mutation.step(
                good, true, 1, 0, Mutation.sends(Mutation.replace(0, m -> keysOf3(m.peer())))),
            true,
            2,
            0,
            Mutation.receives(Mutation.replace(0, m -> keysOf3(m.peer()))));
    assertNames(refused(bad), "rank 1 step 0 sends KEY_VALUE of rank 3", "does not hold row 0");
  }

  private Message keysOf3(int peer) {
    return new Message(Item.KEY_VALUE, 3, peer, List.of(new TokenRange(0, layout.tokens(3))));
  }

  @Test
  void workingWithKeysThatNeverArriveIsNamed() {
    AttentionSchedule bad =
        Mutation.step(
            Mutation.step(good, true, 0, 2, Mutation.sends(Mutation.without(0))),
            true,
            1,
            2,
            Mutation.receives(Mutation.without(0)));
    assertNames(refused(bad), "rank 1 step 3 works with KEY_VALUE of rank 2");
  }

  @Test
  void gradientsThatNeverComeHomeAreNamed() {
    AttentionSchedule bad =
        Mutation.step(
            Mutation.step(good, false, 0, 4, Mutation.sends(Mutation.without(0))),
            false,
            1,
            4,
            Mutation.receives(Mutation.without(0)));
    assertNames(refused(bad), "backward: KEY_VALUE_GRADIENT of rank 1 never gets a share");
  }

  @Test
  void gradientsThatArriveTwiceAreNamed() {
    UnaryOperator<List<Message>> twice =
        messages -> {
          messages.add(messages.getFirst());
          return messages;
        };
    AttentionSchedule bad =
        Mutation.step(
            Mutation.step(good, false, 0, 4, Mutation.sends(twice)),
            false,
            1,
            4,
            Mutation.receives(twice));
    assertNames(
        refused(bad),
        "rank 1 step 4 receives KEY_VALUE_GRADIENT of rank 1 with a share it has already");
  }

  /** Both ends of each message exist, but each rank receives in one step and sends in the next. */
  @Test
  void waitingInACircleIsNamed() {
    List<Program> programs = new ArrayList<>();
    for (Program program : good.forward()) {
      List<Step> steps = new ArrayList<>();
      for (Step step : program.steps()) {
        steps.add(new Step(List.of(), step.receives(), List.of()));
        steps.add(new Step(step.sends(), List.of(), step.work()));
      }
      programs.add(new Program(steps));
    }
    assertNames(
        refused(new AttentionSchedule("ring", programs, good.backward())),
        "forward: deadlock: rank 0 step 0 waits for rank 3 (KEY_VALUE of rank 3",
        "rank 3 step 0 waits for rank 2");
  }

  // --- other kinds of schedule, checked by the same rules --------------------------------------

  /** Queries are sent instead of keys, and partial outputs come back: valid, and proven. */
  @Test
  void rotatingQueriesIsProvenToo() {
    SequenceLayout two = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(10), 2, 1, 1);
    AttentionSchedule ring = new RingSchedule().schedule(two, AttentionMask.window(0));
    List<TokenRange> rows = List.of(new TokenRange(0, 5));
    Work home0 = ring.forward().get(0).steps().get(0).work().getFirst();
    Work home1 = ring.forward().get(1).steps().get(0).work().getFirst();
    Work cross = ring.forward().get(1).steps().get(1).work().getFirst();
    Message queryOut = new Message(Item.QUERY, 1, 0, rows);
    Message queryIn = new Message(Item.QUERY, 1, 1, rows);
    Message outputOut = new Message(Item.PARTIAL_OUTPUT, 1, 1, rows);
    Message outputIn = new Message(Item.PARTIAL_OUTPUT, 1, 0, rows);
    Program rank0 =
        new Program(
            List.of(
                new Step(List.of(), List.of(queryIn), List.of(home0)),
                new Step(List.of(), List.of(), List.of(cross)),
                new Step(List.of(outputOut), List.of(), List.of())));
    Program rank1 =
        new Program(
            List.of(
                new Step(List.of(queryOut), List.of(), List.of(home1)),
                new Step(List.of(), List.of(outputIn), List.of())));
    PlanValidator.validate(
        two,
        new AttentionSchedule("test", List.of(rank0, rank1), ring.backward()),
        AttentionMask.CAUSAL);
    Program withoutReturn = new Program(rank0.steps().subList(0, 2));
    Program withoutWaiting = new Program(rank1.steps().subList(0, 1));
    AttentionSchedule lost =
        new AttentionSchedule("test", List.of(withoutReturn, withoutWaiting), ring.backward());
    assertNames(
        refused(two, lost), "PARTIAL_OUTPUT of rank 1 never gets a share: that of rank 0 step 1");
  }
}
