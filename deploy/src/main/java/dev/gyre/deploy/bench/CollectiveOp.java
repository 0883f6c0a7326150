package dev.gyre.deploy.bench;

import dev.gyre.comms.AllToAll;
import dev.gyre.comms.Collective;
import dev.gyre.comms.Pending;
import dev.gyre.comms.ProcessGroup;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Locale;

/**
 * The collectives that are measured, out of place as in other frameworks' scripts: a rank's own
 * part is copied, and inputs are not modified. Training uses all of them: an all-reduce is the
 * reduce-scatter and the all-gather of its gradients and weights.
 */
enum CollectiveOp {
  RING_SENDRECV,
  ALL_REDUCE,
  ALL_TO_ALL,
  ALL_GATHER,
  REDUCE_SCATTER;

  String key() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** A call to be repeated; its buffers and groups are prepared here, once. */
  Runnable call(ProcessGroup group, CollectiveBuffers on) {
    return switch (this) {
      case RING_SENDRECV -> ring(group, on);
      case ALL_REDUCE -> allReduce(group, on);
      case ALL_TO_ALL -> allToAll(group, on);
      case ALL_GATHER -> allGather(group, on);
      case REDUCE_SCATTER -> reduceScatter(group, on);
    };
  }

  private static Runnable ring(ProcessGroup group, CollectiveBuffers on) {
    int next = (group.rank() + 1) % group.size();
    int before = (group.rank() - 1 + group.size()) % group.size();
    MemorySegment into = on.output().asSlice(0, on.input().byteSize());
    if (group.size() == 1) {
      return () -> into.copyFrom(on.input());
    }
    return () -> {
      Pending receive = group.receive(Collective.RING, before, into);
      Pending send = group.send(Collective.RING, next, on.input());
      receive.await();
      send.await();
    };
  }

  private static Runnable allReduce(ProcessGroup group, CollectiveBuffers on) {
    long[] offsets = partOffsets(group, on.input().byteSize());
    long[] elementOffsets = elements(offsets);
    MemorySegment sum = on.output().asSlice(0, on.input().byteSize());
    MemorySegment own =
        sum.asSlice(offsets[group.rank()], offsets[group.rank() + 1] - offsets[group.rank()]);
    return () -> {
      Pending readers = group.reduceScatterF32(on.input(), elementOffsets, own, on.scratch());
      group.allGather(sum, offsets);
      readers.await();
    };
  }

  private static Runnable allToAll(ProcessGroup group, CollectiveBuffers on) {
    long[] offsets = partOffsets(group, on.input().byteSize());
    MemorySegment[] sends = new MemorySegment[group.size()];
    MemorySegment[] receives = new MemorySegment[group.size()];
    AllToAll allToAll = new AllToAll(group);
    int self = group.rank();
    long own = offsets[group.rank() + 1] - offsets[group.rank()];
    for (int member = 0; member < group.size(); member++) {
      long bytes = offsets[member + 1] - offsets[member];
      sends[member] = on.input().asSlice(offsets[member], bytes);
      receives[member] = on.output().asSlice(member * own, own);
    }
    return () -> {
      for (int member = 0; member < group.size(); member++) {
        if (member != self) {
          allToAll.send(member, sends[member]);
          allToAll.receive(member, receives[member]);
        }
      }
      allToAll.start(Collective.ALL_TO_ALL);
      receives[self].copyFrom(sends[self]);
      allToAll.await();
    };
  }

  private static Runnable allGather(ProcessGroup group, CollectiveBuffers on) {
    long bytes = on.input().byteSize();
    long[] offsets = new long[group.size() + 1];
    for (int member = 0; member <= group.size(); member++) {
      offsets[member] = member * bytes;
    }
    return () -> group.allGather(on.input(), on.output(), offsets);
  }

  private static Runnable reduceScatter(ProcessGroup group, CollectiveBuffers on) {
    long[] offsets = elements(partOffsets(group, on.input().byteSize()));
    long own = offsets[group.rank() + 1] - offsets[group.rank()];
    MemorySegment sum = on.output().asSlice(0, own * Float.BYTES);
    return () -> group.reduceScatterF32(on.input(), offsets, sum, on.scratch()).await();
  }

  /**
   * Checks the output of a call on {@link CollectiveBuffers#fill}ed input.
   *
   * @throws IllegalStateException naming the first wrong element
   */
  void check(ProcessGroup group, CollectiveBuffers on) {
    long elements = on.input().byteSize() / Float.BYTES;
    long[] offsets = partOffsets(group, on.input().byteSize());
    long own = offsets[group.rank()] / Float.BYTES;
    long ownElements = offsets[group.rank() + 1] / Float.BYTES - own;
    switch (this) {
      case RING_SENDRECV -> expect(on.output(), elements, 1, 0, elements);
      case ALL_REDUCE -> expect(on.output(), elements, group.size(), 0, elements);
      case ALL_TO_ALL -> expect(on.output(), ownElements * group.size(), 1, own, ownElements);
      case ALL_GATHER -> expect(on.output(), elements * group.size(), 1, 0, elements);
      case REDUCE_SCATTER -> expect(on.output(), ownElements, group.size(), own, ownElements);
    }
  }

  /** Element i is {@code times} the input's element {@code from + i mod period}. */
  private void expect(MemorySegment output, long elements, int times, long from, long period) {
    for (long i = 0; i < elements; i++) {
      float expected = times * CollectiveBuffers.value(from + i % period);
      float actual = output.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      if (actual != expected) {
        throw new IllegalStateException(
            "%s left %s at element %d of %d, not %s"
                .formatted(key(), actual, i, elements, expected));
      }
    }
  }

  private static long[] elements(long[] byteOffsets) {
    return Arrays.stream(byteOffsets).map(bytes -> bytes / Float.BYTES).toArray();
  }

  /** Byte offsets of the members' parts, whole elements, of sizes that differ by at most one. */
  private static long[] partOffsets(ProcessGroup group, long bytes) {
    long elements = bytes / Float.BYTES;
    long[] offsets = new long[group.size() + 1];
    for (int member = 0; member <= group.size(); member++) {
      offsets[member] = elements * member / group.size() * Float.BYTES;
    }
    return offsets;
  }
}
