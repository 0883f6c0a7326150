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
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.SchedulePass;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Properties of every kind of schedule, and of single kinds. */
class ScheduleKindsTest {
  /** As many key/value heads as query heads in bf16: the ring's backward sends queries around. */
  private static final MessageBytes ALIKE = new MessageBytes(4, 4, 16, 2);

  private static final MessageBytes SHARED = new MessageBytes(4, 1, 16, 2);

  private static final List<AttentionMask> MASKS =
      List.of(
          AttentionMask.CAUSAL,
          AttentionMask.window(70).withSinks(3),
          AttentionMask.CAUSAL.withAnchor(),
          AttentionMask.CAUSAL.withPrefix(90),
          AttentionMask.window(20).withSinks(2).withAnchor().withPrefix(33));

  enum Kind {
    RING(new RingSchedule()),
    RING_WITH_QUERIES_BACKWARD(new RingSchedule(ALIKE)),
    ALLGATHER(new AllGatherSchedule()),
    BALANCED(new BalancedSchedule()),
    TOKENRING(new TokenRingSchedule());

    private final ScheduleKind kind;

    Kind(ScheduleKind kind) {
      this.kind = kind;
    }

    /** A random mask that this kind computes. */
    AttentionMask mask(RandomRows rows, Documents documents) {
      AttentionMask mask = rows.mask(documents);
      return kind.computes(mask) ? mask : mask.withPrefix(0);
    }

    LayoutKind layout(RandomRows rows) {
      return rows.anyOf(kind.layouts().toArray(new LayoutKind[0]));
    }
  }

  // --- every kind -----------------------------------------------------------------------------

  @ParameterizedTest
  @EnumSource
  void anyRowIsProven(Kind of) {
    for (long seed = 0; seed < 150; seed++) {
      RandomRows rows = new RandomRows(seed);
      Documents documents = rows.documents(1500);
      AttentionMask mask = of.mask(rows, documents);
      SequenceLayout row =
          Layouts.of(of.layout(rows), documents, rows.ring(), 1, 1 + rows.below(70));
      AttentionSchedule schedule = of.kind.schedule(row, mask);
      assertDoesNotThrow(
          () -> PlanValidator.validate(row, schedule, mask),
          "seed " + seed + " ring " + row.ring() + " " + mask);
    }
  }

  /** Any message that is lost, doubled, or a row too short, at one end or at both, is refused. */
  @ParameterizedTest
  @EnumSource
  void anyChangeOfAnyMessageIsRefused(Kind of) {
    Set<Item> seen = new HashSet<>();
    int changes = 0;
    for (long seed = 0; seed < 300; seed++) {
      RandomRows rows = new RandomRows(seed);
      SequenceLayout row =
          Layouts.of(of.layout(rows), rows.documents(300), 2 + rows.below(5), 1, 1 + rows.below(9));
      AttentionMask mask = of.mask(rows, row.documents());
      AttentionSchedule good = of.kind.schedule(row, mask);
      boolean forward = rows.below(2) == 0;
      Sent sent = anyMessage(forward ? good.forward() : good.backward(), rows);
      if (sent == null) {
        continue;
      }
      Item item = sent.message.item();
      UnaryOperator<List<Message>> change = change(rows.below(3), sent.message.rows());
      AttentionSchedule oneEnd =
          Mutation.step(good, forward, sent.rank, sent.step, Mutation.sends(at(sent.at, change)));
      String refusal = refused(row, oneEnd, mask, "seed " + seed);
      assertTrue(refusal.contains("rank " + sent.rank), refusal);
      AttentionSchedule bothEnds =
          Mutation.step(
              oneEnd,
              forward,
              sent.message.peer(),
              sent.step,
              Mutation.receives(at(sent.receivedAt, change)));
      refusal = refused(row, bothEnds, mask, "seed " + seed);
      assertTrue(refusal.contains(item.name()), "seed " + seed + " " + item + ": " + refusal);
      seen.add(item);
      changes++;
    }
    assertTrue(changes > 100, changes + " messages changed");
    assertEquals(items(of), seen);
  }

  private static Set<Item> items(Kind of) {
    return switch (of) {
      case RING, ALLGATHER -> Set.of(Item.KEY_VALUE, Item.KEY_VALUE_GRADIENT);
      case RING_WITH_QUERIES_BACKWARD ->
          Set.of(Item.KEY_VALUE, Item.KEY_VALUE_GRADIENT, Item.QUERY_BUNDLE, Item.QUERY_GRADIENT);
      case BALANCED -> Set.of(Item.values());
      case TOKENRING ->
          Set.of(Item.QUERY, Item.PARTIAL_OUTPUT, Item.QUERY_BUNDLE, Item.QUERY_GRADIENT);
    };
  }

  @ParameterizedTest
  @EnumSource
  void aLostTileAndAWorkDoneTwiceAreRefused(Kind of) {
    for (AttentionMask mask : MASKS) {
      if (of.kind.computes(mask)) {
        lostAndDoubled(of, mask);
      }
    }
  }

  private static void lostAndDoubled(Kind of, AttentionMask mask) {
    SequenceLayout row = row(of.kind, new Documents(300, 40, 7), 5, 4);
    AttentionSchedule good = of.kind.schedule(row, mask);
    for (boolean forward : new boolean[] {true, false}) {
      List<Program> programs = forward ? good.forward() : good.backward();
      for (int rank = 0; rank < 5; rank++) {
        for (int s = 0; s < programs.get(rank).steps().size(); s++) {
          for (int w = 0; w < programs.get(rank).steps().get(s).work().size(); w++) {
            Work work = programs.get(rank).steps().get(s).work().get(w);
            if (work.tiles().isEmpty()) {
              continue;
            }
            List<Work> rest = new ArrayList<>(programs.get(rank).steps().get(s).work());
            rest.remove(w);
            String lost = refused(row, works(good, forward, rank, s, rest), mask, "");
            assertTrue(
                lost.contains("of rank " + work.keyOwner() + " (document"), mask + ": " + lost);
            rest.add(work);
            rest.add(work);
            assertTrue(
                refused(row, works(good, forward, rank, s, rest), mask, "")
                    .contains("computes pairs again that rank %d step %d".formatted(rank, s)));
          }
        }
      }
    }
  }

  private static AttentionSchedule works(
      AttentionSchedule good, boolean forward, int rank, int step, List<Work> works) {
    return Mutation.step(good, forward, rank, step, s -> new Step(s.sends(), s.receives(), works));
  }

  /** Proving a batch must take far less than its step; the bound leaves room for a busy machine. */
  @ParameterizedTest
  @EnumSource
  void aBatchIsProvenInMilliseconds(Kind of) {
    SequenceLayout row = row(of.kind, new Documents(16384), 4, 64);
    long best = Long.MAX_VALUE;
    for (int i = 0; i < 200; i++) {
      long start = System.nanoTime();
      PlanValidator.validate(
          row, of.kind.schedule(row, AttentionMask.window(0)), AttentionMask.CAUSAL);
      best = Math.min(best, System.nanoTime() - start);
    }
    assertTrue(best < 3_000_000, "took " + best + " ns");
  }

  /**
   * The same for many documents and every mask, in CPU time: a step over as many tokens takes
   * seconds.
   */
  @ParameterizedTest
  @EnumSource
  void aThousandDocumentsAreProvenInMilliseconds(Kind of) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    int[] lengths = new int[1024];
    Arrays.fill(lengths, 16);
    SequenceLayout row = row(of.kind, new Documents(lengths), 4, 64);
    for (AttentionMask mask : MASKS) {
      long best = Long.MAX_VALUE;
      for (int i = 0; i < 20 && of.kind.computes(mask); i++) {
        long start = threads.getCurrentThreadCpuTime();
        PlanValidator.validate(row, of.kind.schedule(row, mask), mask);
        best = Math.min(best, threads.getCurrentThreadCpuTime() - start);
      }
      assertTrue(best < 20_000_000 || !of.kind.computes(mask), mask + " took " + best + " ns");
    }
  }

  /** Every row sent is needed by a tile of a rank it reaches, and no needed row is missing. */
  @ParameterizedTest
  @EnumSource
  void onlyRowsThatTheMaskAsksForTravel(Kind of) {
    // Documents of 64 tokens lie whole on a rank: nothing is sent.
    SequenceLayout whole = row(of.kind, new Documents(64, 64, 64, 64), 4, 64);
    AttentionSchedule silent = of.kind.schedule(whole, AttentionMask.window(0));
    assertEquals(0, SHARED.sent(silent.forward()) + SHARED.sent(silent.backward()));
    // A window of 8 in contiguous order: a rank needs the last 7 keys before its own, no more.
    SequenceLayout contiguous = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(400), 4, 1, 1);
    AttentionSchedule near = of.kind.schedule(contiguous, AttentionMask.window(8));
    PlanValidator.validate(contiguous, near, AttentionMask.window(8));
    for (Program program : near.forward()) {
      for (Step step : program.steps()) {
        for (Message message : step.sends()) {
          boolean keys = message.item() == Item.KEY_VALUE;
          assertEquals(
              List.of(keys ? new TokenRange(93, 7) : new TokenRange(0, 7)), message.rows());
        }
      }
    }
    sinksAndAnchorTravelAlone(of, contiguous);
  }

  /** Besides the window's 7 keys every rank needs two sinks, or the anchor's one row. */
  private static void sinksAndAnchorTravelAlone(Kind of, SequenceLayout one) {
    if (of != Kind.RING && of != Kind.ALLGATHER) {
      return;
    }
    AttentionMask sinks = AttentionMask.window(8).withSinks(2);
    AttentionSchedule schedule = of.kind.schedule(one, sinks);
    PlanValidator.validate(one, schedule, sinks);
    assertEquals(Set.of(new TokenRange(93, 7), new TokenRange(0, 2)), sentRuns(schedule.forward()));
    // Four documents, each whole on its rank: others need only the first token of the row.
    SequenceLayout four = row(of.kind, new Documents(64, 64, 64, 64), 4, 64);
    AttentionMask anchor = AttentionMask.CAUSAL.withAnchor();
    schedule = of.kind.schedule(four, anchor);
    PlanValidator.validate(four, schedule, anchor);
    assertEquals(Set.of(new TokenRange(0, 1)), sentRuns(schedule.forward()));
    assertEquals(3 * SHARED.perRow(Item.KEY_VALUE), SHARED.sent(schedule.forward()));
    // A prefix that ends on rank 1: rank 0 needs only the prefix's part of rank 1's keys.
    AttentionMask prefix = AttentionMask.window(8).withPrefix(130);
    schedule = of.kind.schedule(one, prefix);
    PlanValidator.validate(one, schedule, prefix);
    assertEquals(
        Set.of(new TokenRange(0, 100), new TokenRange(0, 30), new TokenRange(93, 7)),
        sentRuns(schedule.forward()));
  }

  private static Set<TokenRange> sentRuns(List<Program> programs) {
    Set<TokenRange> runs = new HashSet<>();
    for (Program program : programs) {
      for (Step step : program.steps()) {
        for (Message message : step.sends()) {
          runs.addAll(message.rows());
        }
      }
    }
    return runs;
  }

  /**
   * The numbers of docs/reference/sequence-parallelism.md: one document, no window, N divisible by
   * 2P.
   */
  @ParameterizedTest
  @EnumSource
  void bytesFollowTheFormulas(Kind of) {
    int ring = 4;
    int tokens = 64;
    SequenceLayout row = row(of.kind, new Documents(ring * tokens), ring, 1);
    AttentionSchedule schedule = of.kind.schedule(row, AttentionMask.window(0));
    MessageBytes bytes = of == Kind.RING_WITH_QUERIES_BACKWARD ? ALIKE : SHARED;
    long key = bytes.perRow(Item.KEY_VALUE);
    long keyGradient = bytes.perRow(Item.KEY_VALUE_GRADIENT);
    long query = bytes.perRow(Item.QUERY);
    long partial = bytes.perRow(Item.PARTIAL_OUTPUT);
    long bundle = bytes.perRow(Item.QUERY_BUNDLE);
    long queryGradient = bytes.perRow(Item.QUERY_GRADIENT);
    // Zigzag, P(P − 1) hops of N / P rows: the last chunk's keys are seen by no other rank, the
    // first chunk's queries see no other rank's keys, so half of one owner's rows stay at home.
    long hops = (long) tokens * ring * (ring - 1) - tokens / 2 * (ring - 1);
    // Of two ranks, one sees half of the other's keys, and the other sees all of the first's: three
    // halves in both directions together. A result is first sent by a rank that has added to it.
    long pairs = (long) tokens * ring * (ring - 1) * 3 / 4;
    long forward;
    long backward;
    switch (of) {
      case RING -> {
        forward = hops * key;
        backward = hops * key + pairs * keyGradient;
      }
      case RING_WITH_QUERIES_BACKWARD -> {
        forward = hops * key;
        backward = hops * bundle + pairs * queryGradient;
      }
      case ALLGATHER -> {
        forward = pairs * key;
        backward = pairs * (key + keyGradient);
      }
      case BALANCED -> {
        // P = 4: distances 1 and 2 by keys (3 + 2 blocks), distance 3 by queries (1 block).
        forward = tokens * (5 * key + query + partial);
        backward = tokens * (5 * (key + keyGradient) + bundle + queryGradient);
      }
      case TOKENRING -> {
        forward = hops * query + pairs * partial;
        backward = hops * bundle + pairs * queryGradient;
      }
      default -> throw new AssertionError(of);
    }
    assertEquals(forward, bytes.sent(schedule.forward()), "forward");
    assertEquals(backward, bytes.sent(schedule.backward()), "backward");
  }

  /** The slots in the memory model do not grow with the ring, unless all rows are gathered. */
  @ParameterizedTest
  @EnumSource
  void memoryOfOthersRows(Kind of) {
    long twelve = memory(of, 12);
    long more = memory(of, 24);
    if (of == Kind.ALLGATHER) {
      assertTrue(more > 2 * twelve, twelve + " and " + more);
    } else {
      assertEquals(twelve, more);
    }
  }

  private static long memory(Kind of, int ring) {
    SequenceLayout row = row(of.kind, new Documents(96 * ring), ring, 1);
    AttentionSchedule schedule = of.kind.schedule(row, AttentionMask.CAUSAL);
    int[] tokens = row.ringTokens();
    long most = 0;
    for (int r = 0; r < ring; r++) {
      Program forward = schedule.forward().get(r);
      Program backward = schedule.backward().get(r);
      most =
          Math.max(
              Math.max(
                  new ItemMemory(SchedulePass.FORWARD, forward, r, tokens).bytes(SHARED),
                  new ItemMemory(SchedulePass.BACKWARD, backward, r, tokens).bytes(SHARED)),
              most);
    }
    return most;
  }

  // --- single kinds ---------------------------------------------------------------------------

  @Test
  void ringBackwardSendsTheSmallerSideRound() {
    SequenceLayout row = row(new RingSchedule(), new Documents(4000), 4, 64);
    // f32, h query heads over one key/value head each: 16 widths of keys, but little over 12 of
    // queries.
    assertEquals(Item.QUERY_BUNDLE, firstBackward(row, new MessageBytes(8, 8, 64, 4)));
    assertEquals(Item.QUERY_BUNDLE, firstBackward(row, new MessageBytes(8, 8, 64, 2)));
    // Two query heads on each key/value head halve the keys' side.
    assertEquals(Item.KEY_VALUE, firstBackward(row, new MessageBytes(8, 4, 64, 2)));
    // With tiny heads log-sum-exp and delta dominate: 4·h·(1 + 1) + 8·h against 12·h.
    assertEquals(Item.KEY_VALUE, firstBackward(row, new MessageBytes(8, 8, 1, 2)));
    for (MessageBytes bytes : List.of(ALIKE, SHARED)) {
      AttentionSchedule chosen = new RingSchedule(bytes).schedule(row, AttentionMask.window(0));
      assertTrue(
          bytes.sent(chosen.backward())
              <= bytes.sent(new RingSchedule().schedule(row, AttentionMask.window(0)).backward()));
    }
  }

  private static Item firstBackward(SequenceLayout row, MessageBytes bytes) {
    return new RingSchedule(bytes)
        .schedule(row, AttentionMask.window(0))
        .backward()
        .getFirst()
        .steps()
        .getFirst()
        .sends()
        .getFirst()
        .item();
  }

  @Test
  void balancedStepsAreHalfTheRingAndEven() {
    for (int ring = 1; ring <= 9; ring++) {
      SequenceLayout row = row(new BalancedSchedule(), new Documents(ring * 120), ring, 64);
      AttentionSchedule schedule = new BalancedSchedule().schedule(row, AttentionMask.window(0));
      long block = 120L * 120;
      for (Program program : schedule.forward()) {
        int working = 0;
        for (Step step : program.steps()) {
          working += step.work().isEmpty() ? 0 : 1;
          assertTrue(step.work().size() <= 1);
        }
        assertTrue(working <= ring / 2 + 1, "ring " + ring + " works in " + working + " steps");
        assertTrue(program.steps().size() <= ring / 2 + 2);
      }
      // Every rank computes its own triangle and ⌊(P − 1)/2⌋ blocks; with an even P half of them
      // compute one more.
      long most = Balance.of(row, schedule).pairs().stream().max(Long::compare).orElseThrow();
      assertEquals(120 * 121 / 2 + ring / 2 * block, most);
      long least = Balance.of(row, schedule).pairs().stream().min(Long::compare).orElseThrow();
      assertEquals(120 * 121 / 2 + (ring - 1) / 2 * block, least);
    }
  }

  @Test
  void balancedRefusesOtherOrders() {
    SequenceLayout zigzag = Layouts.of(LayoutKind.ZIGZAG, new Documents(400), 3, 1, 1);
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new BalancedSchedule().schedule(zigzag, AttentionMask.window(0)));
    assertEquals(
        "schedule balanced needs contiguous order; here queries of ring rank 0 see keys of ring"
            + " rank 1. Use ring, allgather or tokenring",
        e.getMessage());
    SequenceLayout contiguous = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(400), 3, 1, 1);
    AttentionMask both = AttentionMask.CAUSAL.withPrefix(140);
    e =
        assertThrows(
            IllegalArgumentException.class,
            () -> new BalancedSchedule().schedule(contiguous, both));
    assertEquals(
        "schedule balanced needs a mask without prefix; here queries of ring rank 0 see keys of"
            + " ring rank 1. Use ring, allgather or tokenring",
        e.getMessage());
    // A prefix that lies whole on one rank is allowed.
    AttentionMask first = AttentionMask.CAUSAL.withPrefix(100);
    PlanValidator.validate(contiguous, new BalancedSchedule().schedule(contiguous, first), first);
  }

  @Test
  void kindsAreFoundByKey() {
    for (String key : ScheduleKind.KEYS) {
      ScheduleKind kind = ScheduleKind.of(key, SHARED);
      assertEquals(key, kind.key());
      SequenceLayout row = row(kind, new Documents(50), 2, 1);
      assertEquals(key, kind.schedule(row, AttentionMask.window(0)).kind());
    }
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> ScheduleKind.of("star", SHARED));
    assertEquals(
        "attention schedule 'star' must be one of ring, allgather, balanced, tokenring",
        e.getMessage());
  }

  // --- helpers --------------------------------------------------------------------------------

  private static SequenceLayout row(ScheduleKind kind, Documents documents, int ring, int chunk) {
    return Layouts.of(kind.layouts().getFirst(), documents, ring, 1, chunk);
  }

  private static String refused(
      SequenceLayout row, AttentionSchedule bad, AttentionMask mask, String what) {
    InvalidPlanException refusal =
        assertThrows(
            InvalidPlanException.class, () -> PlanValidator.validate(row, bad, mask), what);
    return String.valueOf(refusal.getMessage());
  }

  private record Sent(int rank, int step, int at, Message message, int receivedAt) {}

  private static @org.jspecify.annotations.Nullable Sent anyMessage(
      List<Program> programs, RandomRows rows) {
    List<Sent> all = new ArrayList<>();
    for (int rank = 0; rank < programs.size(); rank++) {
      List<Step> steps = programs.get(rank).steps();
      for (int s = 0; s < steps.size(); s++) {
        for (int i = 0; i < steps.get(s).sends().size(); i++) {
          Message m = steps.get(s).sends().get(i);
          Message other = new Message(m.item(), m.owner(), rank, m.rows());
          int at = programs.get(m.peer()).steps().get(s).receives().indexOf(other);
          assertTrue(at >= 0, "the other end of " + m + " is not in the same step");
          all.add(new Sent(rank, s, i, m, at));
        }
      }
    }
    return all.isEmpty() ? null : all.get(rows.below(all.size()));
  }

  private interface Change extends UnaryOperator<List<Message>> {}

  /** A change of a list that has only the message concerned. */
  private static UnaryOperator<List<Message>> change(int how, List<TokenRange> rows) {
    TokenRange first = rows.getFirst();
    List<TokenRange> shorter = new ArrayList<>(rows);
    if (first.length() == 1) {
      shorter.removeFirst();
    } else {
      shorter.set(0, new TokenRange(first.start() + 1, first.length() - 1));
    }
    Change lost = one -> List.of();
    Change doubled = one -> List.of(one.getFirst(), one.getFirst());
    Change shortened =
        one -> {
          Message m = one.getFirst();
          return List.of(new Message(m.item(), m.owner(), m.peer(), shorter));
        };
    return how == 0 ? lost : how == 1 ? doubled : shortened;
  }

  private static UnaryOperator<List<Message>> at(int index, UnaryOperator<List<Message>> change) {
    return messages -> {
      List<Message> changed = new ArrayList<>(messages.subList(0, index));
      changed.addAll(change.apply(List.of(messages.get(index))));
      changed.addAll(messages.subList(index + 1, messages.size()));
      return changed;
    };
  }
}
