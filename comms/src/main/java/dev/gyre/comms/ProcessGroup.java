package dev.gyre.comms;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Collectives over some ranks of a transport, on one channel. Every member creates the same group
 * (the same ranks in the same order) and calls the same collectives in the same order. A member is
 * identified by its position. Zero bytes are legal everywhere; a group of one sends nothing. Sums
 * are taken in member order, so their bits do not depend on timing.
 *
 * <p>Collectives block until this member's part is complete, at most until the transport's
 * deadline. After a {@link CommsException} the group cannot be used again and handles remain open:
 * call {@link Transport#abort}. Used by one thread.
 */
public final class ProcessGroup {
  private final Transport transport;
  private final Channel channel;
  private final int[] ranks;
  private final int self;
  private final int groupBits;
  private final int[] sendsTo;
  private final int[] receivesFrom;
  private final PendingList pending = new PendingList();
  private final ReduceScatter reduceScatter;
  private final long[] doubleOffsets;
  private MemorySegment doubles = MemorySegment.NULL;

  /**
   * @param ranks the members in order, each once; {@code transport.rank()} is one of them
   */
  public ProcessGroup(Transport transport, int[] ranks, Channel channel) {
    this.transport = transport;
    this.channel = channel;
    this.ranks = ranks.clone();
    self = position(transport.rank(), ranks);
    groupBits = byteOf(Arrays.hashCode(ranks)) << 16;
    sendsTo = new int[ranks.length];
    receivesFrom = new int[ranks.length];
    doubleOffsets = new long[ranks.length + 1];
    reduceScatter = new ReduceScatter(this);
  }

  private static int position(int rank, int[] ranks) {
    int found = -1;
    for (int i = 0; i < ranks.length; i++) {
      for (int j = 0; j < i; j++) {
        if (ranks[i] == ranks[j]) {
          throw new IllegalArgumentException(
              "rank " + ranks[i] + " occurs twice in group " + Arrays.toString(ranks));
        }
      }
      if (ranks[i] == rank) {
        found = i;
      }
    }
    if (found < 0) {
      throw new IllegalArgumentException(
          "rank " + rank + " is not in group " + Arrays.toString(ranks));
    }
    return found;
  }

  /** This rank's position among the members. */
  public int rank() {
    return self;
  }

  public int size() {
    return ranks.length;
  }

  public Transport transport() {
    return transport;
  }

  /**
   * Starts sending to another member. Sends to a member match its receives from this one in program
   * order, including those of collectives.
   *
   * @param kind the collective that the bytes are counted as and that errors name; the same on both
   *     sides
   */
  public Pending send(Collective kind, int member, MemorySegment payload) {
    return send(kind, member, sendsTo[member]++, payload);
  }

  /**
   * The same for a message with a caller-defined number, so that ranks that disagree about the
   * message get an error.
   *
   * @param number the same on both sides; only the lower 16 bits are used
   */
  public Pending send(Collective kind, int member, int number, MemorySegment payload) {
    transport.collective(kind);
    return transport.send(ranks[member], channel, tag(kind, number), payload);
  }

  /** Starts receiving exactly {@code into.byteSize()} bytes from another member. */
  public Pending receive(Collective kind, int member, MemorySegment into) {
    return receive(kind, member, receivesFrom[member]++, into);
  }

  /** The same for a message with a caller-defined number. */
  public Pending receive(Collective kind, int member, int number, MemorySegment into) {
    transport.collective(kind);
    return transport.receive(ranks[member], channel, tag(kind, number), into);
  }

  /**
   * Starts a read-only receive from a member; see {@link Transport#borrow}. It matches the member's
   * sends like a receive.
   */
  BorrowedReceive borrow(Collective kind, int member, MemorySegment into) {
    transport.collective(kind);
    return transport.borrow(ranks[member], channel, tag(kind, receivesFrom[member]++), into);
  }

  /**
   * Creates every tag, from kind, group and number, so that messages of different collectives or
   * groups never match by accident.
   */
  private int tag(Collective kind, int number) {
    return kind.tag() << 24 | groupBits | (number & 0xFFFF);
  }

  private static int byteOf(int hash) {
    return (hash * 0x9E3779B9) >>> 24; // Fibonacci hashing: the top bits depend on all
  }

  private void copyOwn(MemorySegment from, MemorySegment to) {
    checkOwn(from, to);
    if (from.address() != to.address()) {
      to.copyFrom(from);
    }
  }

  private void checkOwn(MemorySegment from, MemorySegment to) {
    if (from.byteSize() != to.byteSize()) {
      throw new IllegalArgumentException(
          "member %d sends itself %d bytes and receives %d"
              .formatted(self, from.byteSize(), to.byteSize()));
    }
  }

  /**
   * All-gather: completes {@code all} on every member.
   *
   * @param all part m, from member m, is bytes {@code [byteOffsets[m], byteOffsets[m + 1])}; this
   *     member's part is already in place
   */
  public void allGather(MemorySegment all, long[] byteOffsets) {
    checkOffsets(byteOffsets, all.byteSize());
    allGather(Collective.ALL_GATHER, part(all, byteOffsets, self, 1), all, byteOffsets);
  }

  /**
   * The same with this member's part in another place; it is copied into {@code all}.
   *
   * @param own as many bytes as this member's part
   */
  public void allGather(MemorySegment own, MemorySegment all, long[] byteOffsets) {
    checkOffsets(byteOffsets, all.byteSize());
    checkOwn(own, part(all, byteOffsets, self, 1));
    allGather(Collective.ALL_GATHER, own, all, byteOffsets);
  }

  private void allGather(
      Collective kind, MemorySegment own, MemorySegment all, long[] byteOffsets) {
    for (int i = 1; i < size(); i++) {
      int source = before(i);
      pending.add(receive(kind, source, part(all, byteOffsets, source, 1)));
    }
    for (int i = 1; i < size(); i++) {
      pending.add(send(kind, after(i), own));
    }
    copyOwn(own, part(all, byteOffsets, self, 1));
    pending.await();
  }

  /**
   * Scratch bytes that {@link #reduceScatterF32} needs if the largest part has this many elements.
   */
  public long reduceScratchBytes(long largestPartElements) {
    return reduceScatter.scratchBytes(largestPartElements);
  }

  /**
   * Reduce-scatter of f32 vectors. On return this member's part of {@code all} holds the sum over
   * the members, added in member order. The other parts keep this member's own values, and the
   * members they belong to may still be reading them.
   *
   * @param all f32; part m is elements {@code [elementOffsets[m], elementOffsets[m + 1])}, the same
   *     offsets on every member
   * @param scratch at least {@link #reduceScratchBytes} of the largest part; its contents are lost
   * @return complete once no member reads {@code all} any more; until then it must not be changed
   */
  public Pending reduceScatterF32(MemorySegment all, long[] elementOffsets, MemorySegment scratch) {
    checkOffsets(elementOffsets, all.byteSize() / Float.BYTES);
    return reduceScatterF32(
        all, elementOffsets, part(all, elementOffsets, self, Float.BYTES), scratch);
  }

  /**
   * The same with the sum written to another place; {@code all} is only read.
   *
   * @param sum as many bytes as this member's part
   */
  public Pending reduceScatterF32(
      MemorySegment all, long[] elementOffsets, MemorySegment sum, MemorySegment scratch) {
    checkOffsets(elementOffsets, all.byteSize() / Float.BYTES);
    long bytes = (elementOffsets[self + 1] - elementOffsets[self]) * Float.BYTES;
    if (sum.byteSize() != bytes) {
      throw new IllegalArgumentException(
          "member %d sums %d bytes into %d".formatted(self, bytes, sum.byteSize()));
    }
    return reduceScatter.run(all, elementOffsets, sum, scratch);
  }

  /**
   * All-reduce: replaces {@code values} on every member by the sum over the members, in member
   * order.
   */
  public void sum(double[] values) {
    if (size() == 1) {
      return;
    }
    long stride = (long) values.length * Double.BYTES;
    if (doubles.byteSize() < stride * size()) {
      doubles = Arena.ofAuto().allocate(stride * size(), Double.BYTES);
    }
    for (int member = 0; member <= size(); member++) {
      doubleOffsets[member] = stride * member;
    }
    MemorySegment all = doubles.asSlice(0, stride * size());
    MemorySegment.copy(values, 0, all, ValueLayout.JAVA_DOUBLE, stride * self, values.length);
    allGather(Collective.ALL_REDUCE, part(all, doubleOffsets, self, 1), all, doubleOffsets);
    for (int i = 0; i < values.length; i++) {
      double sum = 0;
      for (int member = 0; member < size(); member++) {
        sum += all.getAtIndex(ValueLayout.JAVA_DOUBLE, (long) member * values.length + i);
      }
      values[i] = sum;
    }
  }

  /** Copies the root member's bytes to every member. */
  public void broadcast(int root, MemorySegment bytes) {
    if (root < 0 || root >= size()) {
      throw new IllegalArgumentException("no member " + root + " in a group of " + size());
    }
    if (self == root) {
      for (int i = 1; i < size(); i++) {
        pending.add(send(Collective.BROADCAST, after(i), bytes));
      }
    } else {
      pending.add(receive(Collective.BROADCAST, root, bytes));
    }
    pending.await();
  }

  int after(int distance) {
    return (self + distance) % size();
  }

  int before(int distance) {
    return (self - distance + size()) % size();
  }

  private static MemorySegment part(MemorySegment all, long[] offsets, int member, long unit) {
    return all.asSlice(offsets[member] * unit, (offsets[member + 1] - offsets[member]) * unit);
  }

  private void checkOffsets(long[] offsets, long limit) {
    if (offsets.length != size() + 1) {
      throw new IllegalArgumentException(
          "%d offsets for %d members: there must be one more than members"
              .formatted(offsets.length, size()));
    }
    for (int member = 0; member < size(); member++) {
      if (offsets[member] < 0 || offsets[member] > offsets[member + 1]) {
        throw new IllegalArgumentException(
            "offsets must not decrease: " + Arrays.toString(offsets));
      }
    }
    if (offsets[size()] > limit) {
      throw new IllegalArgumentException(
          "the last part ends at %d, but the memory has %d".formatted(offsets[size()], limit));
    }
  }
}
