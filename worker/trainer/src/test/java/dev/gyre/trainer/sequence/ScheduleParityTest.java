package dev.gyre.trainer.sequence;

import static dev.gyre.trainer.sequence.AttentionCheck.NEVER_BUFFER;
import static dev.gyre.trainer.sequence.AttentionCheck.check;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.DType;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AllGatherSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.BalancedSchedule;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TokenRingSchedule;
import dev.gyre.trainer.sequence.AttentionCheck.Outcome;
import dev.gyre.trainer.sequence.AttentionCheck.Row;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every schedule on any number of ranks computes what one rank computes, and sends the predicted
 * bytes.
 */
final class ScheduleParityTest {
  private static final int[] RANKS = {1, 2, 3, 4, 5, 8};

  private static final double F32_STEP = 0x1p-23;

  private static final List<AttentionMask> MASKS =
      List.of(
          AttentionMask.CAUSAL,
          AttentionMask.window(9),
          AttentionMask.window(5).withSinks(3),
          AttentionMask.CAUSAL.withAnchor(),
          AttentionMask.window(6).withAnchor(),
          AttentionMask.CAUSAL.withPrefix(17),
          AttentionMask.window(4).withSinks(2).withAnchor().withPrefix(11));

  enum Kind {
    RING(new RingSchedule()),
    // As many key/value heads as query heads, wide and in bf16: backward sends queries around.
    RING_WITH_QUERIES_BACKWARD(new RingSchedule(new MessageBytes(1, 1, 64, 2))),
    ALLGATHER(new AllGatherSchedule()),
    BALANCED(new BalancedSchedule()),
    TOKENRING(new TokenRingSchedule());

    private final ScheduleKind kind;

    Kind(ScheduleKind kind) {
      this.kind = kind;
    }

    LayoutKind layout(Random random) {
      return kind.layouts().get(random.nextInt(kind.layouts().size()));
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneLongDocument(Kind of) {
    for (int ring : RANKS) {
      Row row = new Row(new Documents(67), 0, 4, 2, 4);
      check(row, new Mesh(1, ring, 1, 1), best(of), 2, DType.F32, of.kind, NEVER_BUFFER);
    }
  }

  /**
   * Windows, grouped heads, packed documents of any length; seeded, so a failure can be repeated.
   */
  @ParameterizedTest
  @EnumSource
  void randomRows(Kind of) {
    Random random = new Random(of.ordinal() + 811L);
    for (int ring : RANKS) {
      for (int n = 0; n < 4; n++) {
        int[] lengths = new int[1 + random.nextInt(6)];
        for (int d = 0; d < lengths.length; d++) {
          lengths[d] = random.nextInt(4) == 0 ? 1 : 1 + random.nextInt(d == 0 ? 60 : 15);
        }
        int kvHeads = 1 + random.nextInt(2);
        int heads = kvHeads * (1 + random.nextInt(3));
        int window = random.nextBoolean() ? 1 + random.nextInt(24) : 0;
        check(
            new Row(new Documents(lengths), window, heads, kvHeads, 4),
            new Mesh(1, ring, 1, 1),
            of.layout(random),
            1 + random.nextInt(8),
            DType.F32,
            of.kind,
            NEVER_BUFFER);
      }
    }
  }

  /**
   * Every mask on every number of ranks, rings and rings of Ulysses groups, in both dtypes: rows of
   * random documents, single tokens among them, and one document over all ranks.
   */
  @ParameterizedTest
  @EnumSource
  void everyMask(Kind of) {
    Random random = new Random(of.ordinal() + 4093L);
    for (int ranks : RANKS) {
      for (AttentionMask mask : MASKS) {
        for (int round = 0; round < 3 && of.kind.computes(mask); round++) {
          int kvHeads = 1 + random.nextInt(2);
          int heads = kvHeads * (1 + random.nextInt(3));
          Row row = new Row(documents(random), mask, heads, kvHeads, 4);
          LayoutKind layout = of.layout(random);
          int chunk = 1 + random.nextInt(8);
          Mesh mesh = mesh(random, ranks, heads);
          check(row, mesh, layout, chunk, DType.F32, of.kind, NEVER_BUFFER);
          check(row, mesh, layout, chunk, DType.BF16, of.kind, NEVER_BUFFER);
        }
      }
    }
  }

  /** Sink logits enter after the merge: each query's softmax has its head's once. */
  @ParameterizedTest
  @EnumSource
  void sinkLogitsAndAnotherScale(Kind of) {
    Random random = new Random(of.ordinal() + 1217L);
    for (int ranks : RANKS) {
      for (AttentionMask mask : MASKS) {
        if (of.kind.computes(mask)) {
          int kvHeads = 1 + random.nextInt(2);
          int heads = kvHeads * (1 + random.nextInt(3));
          Row row = new Row(documents(random), mask, heads, kvHeads, 4).withSinkLogits();
          LayoutKind layout = of.layout(random);
          int chunk = 1 + random.nextInt(8);
          Mesh mesh = mesh(random, ranks, heads);
          check(row, mesh, layout, chunk, DType.F32, of.kind, NEVER_BUFFER);
          Row scaled = row.withScale(0.9);
          check(scaled, mesh, layout, chunk, DType.BF16, of.kind, NEVER_BUFFER);
        }
      }
      Row few = new Row(new Documents(1, 2), 0, 2, 1, 4).withSinkLogits().withScale(0.3);
      Mesh ring = new Mesh(1, ranks, 1, 1);
      check(few, ring, best(of), 1, DType.F32, of.kind, NEVER_BUFFER);
    }
  }

  private static Documents documents(Random random) {
    if (random.nextInt(3) == 0) {
      return new Documents(1 + random.nextInt(90));
    }
    int[] lengths = new int[1 + random.nextInt(8)];
    for (int d = 0; d < lengths.length; d++) {
      lengths[d] = random.nextInt(4) == 0 ? 1 : 1 + random.nextInt(d == 0 ? 60 : 15);
    }
    return new Documents(lengths);
  }

  /** Every divisor of the ranks that the heads allow may be the Ulysses degree. */
  private static Mesh mesh(Random random, int ranks, int heads) {
    int ulysses = 1 + random.nextInt(Math.min(ranks, heads));
    while (ranks % ulysses != 0) {
      ulysses--;
    }
    return new Mesh(1, ranks / ulysses, ulysses, 1);
  }

  /**
   * Merging partial results in f32 adds less than one step of f32 to one rank's error, for any
   * number of ranks: a partial sum in bf16 would exceed the limit.
   */
  @ParameterizedTest
  @EnumSource
  void errorDoesNotGrowWithTheRanks(Kind of) {
    AttentionMask mask = AttentionMask.CAUSAL.withAnchor();
    for (DType dtype : new DType[] {DType.F32, DType.BF16}) {
      Row row = new Row(new Documents(150, 40, 66), mask, 4, 2, 8);
      Outcome alone = AttentionCheck.alone(row, dtype);
      for (int ranks = 1; ranks <= 8; ranks++) {
        Mesh mesh = new Mesh(1, ranks, 1, 1);
        Outcome shared = AttentionCheck.run(row, mesh, best(of), 4, dtype, of.kind, NEVER_BUFFER);
        for (int tensor = 0; tensor < 4; tensor++) {
          double limit = 1.02 * alone.error(tensor) + F32_STEP;
          double error = shared.error(tensor);
          assertTrue(
              error <= limit,
              "%s %s tensor %d on %d ranks: error %s, limit %s"
                  .formatted(of, dtype, tensor, ranks, error, limit));
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void withUlyssesBf16AndDelay(Kind of) {
    Row row = new Row(new Documents(41, 3, 22), 0, 6, 3, 8);
    check(row, new Mesh(1, 3, 2, 1), best(of), 2, DType.F32, of.kind, NEVER_BUFFER);
    check(row, new Mesh(1, 2, 2, 1), best(of), 2, DType.BF16, of.kind, NEVER_BUFFER);
    Options delayed = Options.plain().withDelay(7, 1_000_000);
    check(row, new Mesh(1, 4, 1, 1), best(of), 2, DType.F32, of.kind, delayed);
  }

  @Test
  void aRingWithQueriesBackwardSendsQueries() {
    Kind of = Kind.RING_WITH_QUERIES_BACKWARD;
    SequenceLayout row = Layouts.of(best(of), new Documents(96), 2, 1, 1);
    AttentionSchedule schedule = of.kind.schedule(row, AttentionMask.CAUSAL);
    assertEquals(
        Item.QUERY_BUNDLE, schedule.backward().get(0).steps().get(0).sends().get(0).item());
  }

  /**
   * The table of docs/reference/sequence-parallelism.md: 512 tokens in one document, ring 4, 4
   * query heads of 16 elements, bf16; bytes of all ranks in a layer, forward and backward, as
   * counted in a run.
   */
  @ParameterizedTest
  @CsvSource({
    "ring,       zigzag,     2,  0,  638976",
    "ring,       zigzag,     4,  0, 1026048",
    "ring,       striped,    2,  0,  784128",
    "ring,       contiguous, 2,  0,  393216",
    "allgather,  zigzag,     2,  0,  589824",
    "allgather,  zigzag,     4,  0, 1179648",
    "balanced,   contiguous, 2,  0,  448512",
    "balanced,   contiguous, 4,  0,  776192",
    "tokenring,  zigzag,     2,  0, 1167360",
    "tokenring,  zigzag,     4,  0, 1167360",
    "ring,       zigzag,     2, 64,  354816",
    "ring,       contiguous, 2, 64,   96768",
    "allgather,  contiguous, 2, 64,   96768",
    "balanced,   contiguous, 2, 64,   96768",
    "tokenring,  contiguous, 2, 64,  178416"
  })
  void bytesOfTheGuide(String key, String layout, int kvHeads, int window, long bytes) {
    assertEquals(bytes, sent(new Mesh(1, 4, 1, 1), key, layout, kvHeads, window));
  }

  /**
   * The same for the bytes beside the pictures of other meshes, including the all-to-all of
   * Ulysses.
   */
  @ParameterizedTest
  @CsvSource({
    "5, 1, balanced, contiguous, 656480",
    "1, 4, ring,     zigzag,     540672",
    "2, 2, ring,     zigzag,     458752"
  })
  void bytesOfThePictures(int ring, int ulysses, String key, String layout, long bytes) {
    assertEquals(bytes, sent(new Mesh(1, ring, ulysses, 1), key, layout, 2, 0));
  }

  private static long sent(Mesh mesh, String key, String layout, int kvHeads, int window) {
    Row row = new Row(new Documents(512), window, 4, kvHeads, 16);
    ScheduleKind kind =
        ScheduleKind.of(key, MessageBytes.ofRow(row.model().heads().kvHeadOf(), 16, 2, mesh));
    return AttentionCheck.sent(
        row, mesh, LayoutKind.of(layout), 64, DType.BF16, kind, NEVER_BUFFER);
  }

  private static LayoutKind best(Kind of) {
    return of.kind.layouts().getFirst();
  }
}
