package dev.gyre.comms;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Compares collectives with one loop over all members, over every transport. */
public abstract class CollectivesContract {
  private static final Duration PATIENT = Duration.ofSeconds(30);

  /** Total elements: none, one, primes, above the eager limit, several pieces. */
  private static final int[] ELEMENTS = {0, 1, 3, 1021, 20_011, 300_007};

  protected abstract Cluster cluster(int ranks, Duration deadline) throws Exception;

  /** The largest group that the suite tests. */
  protected int largestGroup() {
    return 5;
  }

  private static int[] all(Transport transport) {
    int[] ranks = new int[transport.size()];
    Arrays.setAll(ranks, i -> i);
    return ranks;
  }

  /** Uneven parts, some of them empty. */
  private static long[] unevenOffsets(long total, int members) {
    long[] offsets = new long[members + 1];
    for (int m = 1; m < members; m++) {
      offsets[m] = m == 1 ? 0 : Math.min(total, offsets[m - 1] + total * m / (2L * members));
    }
    offsets[members] = total;
    return offsets;
  }

  @Test
  void everyCollectiveAgreesWithOneLoop() throws Exception {
    for (int ranks = 1; ranks <= largestGroup(); ranks++) {
      try (Cluster cluster = cluster(ranks, PATIENT)) {
        cluster.run(
            transport -> {
              ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.GRADIENTS);
              MemorySegment slab = transport.allocate("slab", 16 << 20);
              MemorySegment scratch =
                  transport.allocate("scratch", Math.max(64, group.reduceScratchBytes(1 << 20)));
              for (int elements : ELEMENTS) {
                MemorySegment data = slab.asSlice(0, (long) elements * Float.BYTES);
                checkReduceScatter(group, data, scratch, unevenOffsets(elements, group.size()));
                checkAllGather(group, data);
                checkInputsAreKept(group, data, slab.asSlice(data.byteSize()), scratch);
                checkBroadcast(group, data);
                group.sum(new double[1]);
              }
              return true;
            });
      }
    }
  }

  /**
   * A part has more pieces than are sent ahead; once one member has all elements, once half of
   * them.
   */
  @Test
  void sumsOfManyPiecesAgree() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.GRADIENTS);
            long elements = (170L << 16) + 5; // 86 pieces of 256 KB per member
            MemorySegment data = transport.allocate("data", elements * Float.BYTES);
            MemorySegment scratch =
                transport.allocate("scratch", group.reduceScratchBytes(elements));
            checkReduceScatter(group, data, scratch, unevenOffsets(elements, 2));
            checkReduceScatter(group, data, scratch, new long[] {0, elements / 2, elements});
            group.sum(new double[1]);
            return true;
          });
    }
  }

  private static void checkReduceScatter(
      ProcessGroup group, MemorySegment data, MemorySegment scratch, long[] offsets) {
    long elements = data.byteSize() / Float.BYTES;
    Payload.fillFloats(data, group.rank());
    group.reduceScatterF32(data, offsets, scratch).await();
    long from = offsets[group.rank()];
    long to = offsets[group.rank() + 1];
    checkSums(group, data, from, to);
    for (long i = 0; i < elements; i++) {
      if (i < from || i >= to) {
        float kept = data.getAtIndex(ValueLayout.JAVA_FLOAT, i);
        assertEquals(Payload.floatAt(group.rank(), i), kept);
      }
    }
  }

  /** With separate memory for the results, the inputs are not changed. */
  private static void checkInputsAreKept(
      ProcessGroup group, MemorySegment data, MemorySegment results, MemorySegment scratch) {
    int self = group.rank();
    long elements = data.byteSize() / Float.BYTES;
    long[] offsets = unevenOffsets(elements, group.size());
    Payload.fillFloats(data, self);
    MemorySegment part = results.asSlice(0, (offsets[self + 1] - offsets[self]) * Float.BYTES);
    MemorySegment all = results.asSlice(part.byteSize(), data.byteSize());
    Pending readers = group.reduceScatterF32(data, offsets, part, scratch);
    for (int m = 0; m <= group.size(); m++) {
      offsets[m] *= Float.BYTES;
    }
    group.allGather(part, all, offsets);
    readers.await();
    assertTrue(readers.poll());
    checkSums(group, all, 0, elements);
    for (long i = 0; i < elements; i++) {
      float kept = data.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      assertEquals(Payload.floatAt(self, i), kept);
    }
  }

  private static void checkSums(ProcessGroup group, MemorySegment data, long from, long to) {
    int[] members = new int[group.size()];
    Arrays.setAll(members, i -> i);
    for (long i = from; i < to; i++) {
      float is = data.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      float expected = Payload.floatSum(members, i);
      if (Float.floatToRawIntBits(is) != Float.floatToRawIntBits(expected)) {
        assertEquals(expected, is, "element " + i + " of " + group.size() + " members");
      }
    }
  }

  private static void checkAllGather(ProcessGroup group, MemorySegment data) {
    long[] offsets = unevenOffsets(data.byteSize(), group.size());
    data.fill((byte) -1);
    Payload.fill(part(data, offsets, group.rank()), group.rank(), 0, 0);
    group.allGather(data, offsets);
    for (int m = 0; m < group.size(); m++) {
      Payload.check(part(data, offsets, m), m, 0, 0);
    }
  }

  private static MemorySegment part(MemorySegment data, long[] offsets, int member) {
    return data.asSlice(offsets[member], offsets[member + 1] - offsets[member]);
  }

  private static void checkBroadcast(ProcessGroup group, MemorySegment data) {
    for (int root = 0; root < group.size(); root++) {
      data.fill((byte) -1);
      if (root == group.rank()) {
        Payload.fill(data, root, 1, 2);
      }
      group.broadcast(root, data);
      Payload.check(data, root, 1, 2);
    }
  }

  /** Bytes that member a sends to member b: 0 for some pairs, up to 1.5 MB for others. */
  private static long blockBytes(int a, int b) {
    return switch ((a * 3 + b * 5) % 4) {
      case 0 -> 0;
      case 1 -> 13 + a;
      case 2 -> 70_001 + 8L * b;
      default -> 500_009L * ((a + b) % 3 + 1);
    };
  }

  @Test
  void allToAllIsUneven() throws Exception {
    for (int ranks = 1; ranks <= largestGroup(); ranks++) {
      try (Cluster cluster = cluster(ranks, PATIENT)) {
        List<Counters> counters =
            cluster.run(
                transport -> {
                  ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.EXPERTS);
                  exchange(transport, group);
                  return transport.counters();
                });
        for (int rank = 0; rank < ranks && ranks > 1; rank++) {
          long sent = 0;
          for (int to = 0; to < ranks; to++) {
            sent += to == rank ? 0 : blockBytes(rank, to);
          }
          assertEquals(sent, counters.get(rank).bytesSent().get("dispatch"));
        }
      }
    }
  }

  private static void exchange(Transport transport, ProcessGroup group) {
    int self = group.rank();
    MemorySegment[] sends = new MemorySegment[group.size()];
    MemorySegment[] receives = new MemorySegment[group.size()];
    for (int m = 0; m < group.size(); m++) {
      sends[m] = transport.allocate("to " + m, Math.max(1, blockBytes(self, m)));
      sends[m] = sends[m].asSlice(0, blockBytes(self, m));
      receives[m] = transport.allocate("from " + m, Math.max(1, blockBytes(m, self)));
      receives[m] = receives[m].asSlice(0, blockBytes(m, self));
      Payload.fill(sends[m], self, m, 4);
    }
    AllToAll allToAll = new AllToAll(group);
    for (int m = 0; m < group.size(); m++) {
      if (m != self) {
        allToAll.send(m, sends[m]);
        allToAll.receive(m, receives[m]);
      }
    }
    allToAll.start(Collective.DISPATCH);
    allToAll.await();
    for (int m = 0; m < group.size(); m++) {
      if (m != self) {
        Payload.check(receives[m], m, self, 4);
      }
    }
  }

  /**
   * Member a sends (a + 2b) % 4 blocks to member b; in a second exchange only every other block.
   */
  @Test
  void allToAllScattersBlocks() throws Exception {
    for (int ranks = 1; ranks <= 4; ranks++) {
      try (Cluster cluster = cluster(ranks, PATIENT)) {
        cluster.run(
            transport -> {
              ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.EXPERTS);
              int self = group.rank();
              MemorySegment[][] sends = new MemorySegment[group.size()][];
              MemorySegment[][] receives = new MemorySegment[group.size()][];
              for (int m = 0; m < group.size(); m++) {
                sends[m] = blocks(transport, self, m);
                receives[m] = blocks(transport, m, self);
                for (int b = 0; b < sends[m].length; b++) {
                  Payload.fill(sends[m][b], self, m, b);
                }
              }
              AllToAll allToAll = new AllToAll(group);
              for (int step = 1; step <= 2; step++) {
                for (int m = 0; m < group.size(); m++) {
                  for (int b = 0; m != self && b < receives[m].length; b += step) {
                    receives[m][b].fill((byte) 0);
                    allToAll.receive(m, receives[m][b]);
                  }
                  for (int b = 0; m != self && b < sends[m].length; b += step) {
                    allToAll.send(m, sends[m][b]);
                  }
                }
                allToAll.start(Collective.COMBINE);
                allToAll.await();
                for (int m = 0; m < group.size(); m++) {
                  for (int b = 0; m != self && b < receives[m].length; b += step) {
                    Payload.check(receives[m][b], m, self, b);
                  }
                }
              }
              return true;
            });
      }
    }
  }

  private static MemorySegment[] blocks(Transport transport, int from, int to) {
    MemorySegment[] blocks = new MemorySegment[(from + 2 * to) % 4];
    for (int b = 0; b < blocks.length; b++) {
      long bytes = (b % 3) * 40_009L + from;
      blocks[b] = transport.allocate("block", Math.max(1, bytes)).asSlice(0, bytes);
    }
    return blocks;
  }

  /** Groups that share a channel: two pairs with their own order of members, and all four ranks. */
  @Test
  void groupsHoldSomeRanksInTheirOwnOrder() throws Exception {
    try (Cluster cluster = cluster(4, PATIENT)) {
      cluster.run(
          transport -> {
            int[] ranks = transport.rank() % 2 == 0 ? new int[] {2, 0} : new int[] {1, 3};
            ProcessGroup pair = new ProcessGroup(transport, ranks, Channel.SEQUENCE);
            ProcessGroup world = new ProcessGroup(transport, all(transport), Channel.SEQUENCE);
            double[] values = {0.1 * (transport.rank() + 1), 1e17 * (transport.rank() - 1)};
            double[] expected = {0, 0};
            for (int rank : ranks) {
              expected[0] += 0.1 * (rank + 1);
              expected[1] += 1e17 * (rank - 1);
            }
            pair.sum(values);
            assertArrayEquals(expected, values);
            world.sum(values);
            double all = (0.1 * 3 + 0.1) + (0.1 * 2 + 0.1 * 4);
            assertEquals(2 * all, values[0], 1e-15);
            ringShift(transport, pair);
            ringShift(transport, world);
            return true;
          });
    }
  }

  private static void ringShift(Transport transport, ProcessGroup group) {
    int right = (group.rank() + 1) % group.size();
    int left = (group.rank() + group.size() - 1) % group.size();
    MemorySegment out = transport.allocate("out", 200_003);
    MemorySegment in = transport.allocate("in", 200_003);
    Payload.fill(out, group.rank(), right, 1);
    Pending receive = group.receive(Collective.RING, left, in);
    Pending send = group.send(Collective.RING, right, out);
    receive.await();
    send.await();
    Payload.check(in, left, group.rank(), 1);
  }

  /** Every member gets the same bits, because each adds in member order. */
  @Test
  void sumsOfDoublesAgreeInEveryBit() throws Exception {
    try (Cluster cluster = cluster(3, PATIENT)) {
      List<double[]> sums =
          cluster.run(
              transport -> {
                ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.CONTROL);
                double[] values = {1e16, 1.0, -1e16};
                double[] mine = {values[group.rank()], 0.1 * group.rank(), Double.NaN};
                group.sum(mine);
                group.sum(new double[0]);
                return mine;
              });
      for (double[] sum : sums) {
        assertArrayEquals(new double[] {(1e16 + 1.0) - 1e16, 0.1 + 0.2, Double.NaN}, sum);
      }
    }
  }

  @Test
  void nobodyLeavesASumBeforeAllHaveEntered() throws Exception {
    AtomicInteger entered = new AtomicInteger();
    try (Cluster cluster = cluster(4, PATIENT)) {
      cluster.run(
          transport -> {
            ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.CONTROL);
            for (int round = 1; round <= 20; round++) {
              entered.incrementAndGet();
              group.sum(new double[1]);
              assertTrue(entered.get() >= 4 * round, "left round " + round + " too early");
            }
            return true;
          });
    }
  }

  @Test
  void countersCountEachCollective() throws Exception {
    try (Cluster cluster = cluster(3, PATIENT)) {
      List<Counters> counters =
          cluster.run(
              transport -> {
                ProcessGroup group = new ProcessGroup(transport, all(transport), Channel.GRADIENTS);
                MemorySegment data = transport.allocate("data", 1200);
                MemorySegment scratch =
                    transport.allocate("scratch", group.reduceScratchBytes(300));
                group.reduceScatterF32(data, new long[] {0, 100, 200, 300}, scratch).await();
                group.allGather(data, new long[] {0, 400, 800, 1200});
                group.broadcast(1, data);
                group.sum(new double[5]);
                return transport.counters();
              });
      for (int rank = 0; rank < 3; rank++) {
        Counters counted = counters.get(rank);
        assertEquals(2 * 40, counted.bytesSent().get("all-reduce"));
        assertEquals(2 * 400, counted.bytesSent().get("reduce-scatter"));
        assertEquals(2 * 400, counted.bytesSent().get("all-gather"));
        assertEquals(rank == 1 ? 2400 : null, value(counted, "broadcast", rank));
      }
    }
  }

  private static Integer value(Counters counted, String kind, int rank) {
    Long bytes = counted.bytesSent().get(kind);
    assertEquals(rank == 1, bytes != null);
    return bytes == null ? null : Math.toIntExact(bytes);
  }

  @Test
  void wrongArgumentsAreNamed() throws Exception {
    try (Cluster cluster = cluster(2, PATIENT)) {
      cluster.run(
          transport -> {
            int[] ranks = {0, 1};
            ProcessGroup group = new ProcessGroup(transport, ranks, Channel.GRADIENTS);
            MemorySegment data = transport.allocate("data", 800);
            MemorySegment small = transport.allocate("small", 8);
            long[] offsets = {0, 100, 200};
            assertThrows(
                IllegalArgumentException.class, () -> group.reduceScatterF32(data, offsets, small));
            assertThrows(
                IllegalArgumentException.class,
                () -> group.reduceScatterF32(data, offsets, small, data));
            assertThrows(
                IllegalArgumentException.class, () -> new AllToAll(group).send(group.rank(), data));
            assertThrows(
                IllegalArgumentException.class,
                () -> group.allGather(small, data, new long[] {0, 400, 800}));
            assertThrows(
                IllegalArgumentException.class, () -> group.allGather(data, new long[] {0, 900}));
            assertThrows(
                IllegalArgumentException.class,
                () -> group.allGather(data, new long[] {0, 100, 900}));
            assertThrows(
                IllegalArgumentException.class,
                () -> group.allGather(data, new long[] {0, 500, 400}));
            assertThrows(IllegalArgumentException.class, () -> group.broadcast(2, data));
            assertThrows(
                IllegalArgumentException.class,
                () -> new ProcessGroup(transport, new int[] {0, 1, 0}, Channel.CONTROL));
            assertThrows(
                IllegalArgumentException.class,
                () ->
                    new ProcessGroup(transport, new int[] {1 - transport.rank()}, Channel.CONTROL));
            return true;
          });
    }
  }
}
