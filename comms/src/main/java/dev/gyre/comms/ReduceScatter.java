package dev.gyre.comms;

import java.lang.foreign.MemorySegment;

/**
 * Reduce-scatter over the members of a group. Parts are sent in pieces. A piece that arrives by
 * reference is summed directly from the senders' memory; a piece that is copied into scratch is
 * still in the cache when it is summed. While piece p is summed, piece p + 1 is received into the
 * other half of the scratch.
 */
final class ReduceScatter {
  /** Elements per piece: 256 KB, so that several pieces stay in a core's cache. */
  private static final int PIECE = 64 << 10;

  /** Halves of the scratch. */
  private static final int SLOTS = 2;

  /** Pieces released together, because each release message may wake its receiver. */
  private static final int RELEASED = 16;

  /** Pieces offered ahead of the one that is summed. */
  private static final int OFFERED = 64;

  /**
   * Pieces offered but not yet released. Offering one more waits for the piece this many before it,
   * which is {@link #RELEASED} + 1 before the one that this member sums. Members that have got as
   * far as this one have released that piece, whatever later pieces they still hold. So the slowest
   * member can always continue, and no member waits for one that is less than {@link #RELEASED}
   * pieces slower.
   */
  private static final int OPEN = OFFERED + RELEASED;

  private final ProcessGroup group;
  private final FloatSums sums = new FloatSums();
  private final MemorySegment[] sources;
  private final BorrowedReceive[][] receives;
  private final PendingList[] sends;
  private final Readers readers = new Readers();

  ReduceScatter(ProcessGroup group) {
    this.group = group;
    sources = new MemorySegment[group.size()];
    receives = new BorrowedReceive[RELEASED + 1][group.size()];
    sends = new PendingList[OPEN];
    for (int slot = 0; slot < OPEN; slot++) {
      sends[slot] = new PendingList();
    }
  }

  long scratchBytes(long largestPartElements) {
    return (long) SLOTS * (group.size() - 1) * Math.min(largestPartElements, PIECE) * Float.BYTES;
  }

  /** The sends of the last {@link #run}, which other members read. */
  private final class Readers implements Pending {
    @Override
    public boolean poll() {
      for (PendingList open : sends) {
        if (!open.poll()) {
          return false;
        }
      }
      return true;
    }

    @Override
    public void await() {
      for (PendingList open : sends) {
        open.await();
      }
    }
  }

  /** See {@link ProcessGroup#reduceScatterF32}; the caller has checked the offsets. */
  Pending run(MemorySegment all, long[] offsets, MemorySegment sum, MemorySegment scratch) {
    long largest = 0;
    for (int member = 0; member < group.size(); member++) {
      largest = Math.max(largest, offsets[member + 1] - offsets[member]);
    }
    if (scratch.byteSize() < scratchBytes(largest)) {
      throw new IllegalArgumentException(
          "reduce-scatter of parts of up to %d elements over %d members needs %d bytes of scratch, not %d"
              .formatted(largest, group.size(), scratchBytes(largest), scratch.byteSize()));
    }
    long pieces = piecesOf(largest);
    long ownPieces = piecesOf(offsets[group.rank() + 1] - offsets[group.rank()]);
    long slotBytes = Math.min(largest, PIECE) * Float.BYTES;
    long offered = 0;
    long released = 0;
    borrow(all, offsets, scratch, slotBytes, 0);
    for (long piece = 0; piece < pieces; piece++) {
      for (; offered < Math.min(pieces, piece + OFFERED); offered++) {
        offer(all, offsets, offered);
      }
      if (piece + 1 < pieces) {
        borrow(all, offsets, scratch, slotBytes, piece + 1);
      }
      if (piece < ownPieces) {
        MemorySegment own = piece(all, offsets, group.rank(), piece);
        long at = piece * PIECE * Float.BYTES;
        addUp(receivesOf(piece), own, sum.asSlice(at, own.byteSize()));
        if (piece + 1 == ownPieces || piece + 1 - released == RELEASED) {
          for (; released <= piece; released++) {
            release(receivesOf(released));
          }
        }
      }
    }
    return readers;
  }

  /** The receives of a piece that is being summed, is the next one, or is not released yet. */
  private BorrowedReceive[] receivesOf(long piece) {
    return receives[(int) (piece % receives.length)];
  }

  private void borrow(
      MemorySegment all, long[] offsets, MemorySegment scratch, long slotBytes, long piece) {
    int slot = (int) (piece % SLOTS);
    long bytes = piece(all, offsets, group.rank(), piece).byteSize();
    long at = (long) slot * (group.size() - 1) * slotBytes;
    for (int i = 1; i < group.size() && bytes > 0; i++) {
      int source = group.before(i);
      receivesOf(piece)[source] =
          group.borrow(Collective.REDUCE_SCATTER, source, scratch.asSlice(at, bytes));
      at += slotBytes;
    }
  }

  private void offer(MemorySegment all, long[] offsets, long piece) {
    PendingList open = sends[(int) (piece % OPEN)];
    open.await();
    for (int i = 1; i < group.size(); i++) {
      int target = group.after(i);
      MemorySegment theirs = piece(all, offsets, target, piece);
      if (theirs.byteSize() > 0) {
        open.add(group.send(Collective.REDUCE_SCATTER, target, theirs));
      }
    }
  }

  private void addUp(BorrowedReceive[] from, MemorySegment own, MemorySegment sum) {
    for (int member = 0; member < group.size(); member++) {
      if (member == group.rank()) {
        sources[member] = own;
      } else {
        from[member].await();
        sources[member] = from[member].payload();
      }
    }
    sums.add(sources, sum);
  }

  private void release(BorrowedReceive[] read) {
    for (int member = 0; member < group.size(); member++) {
      if (member != group.rank()) {
        read[member].release();
      }
    }
  }

  private static long piecesOf(long elements) {
    return (elements + PIECE - 1) / PIECE;
  }

  /** Piece {@code piece} of a member's part; empty beyond the end of the part. */
  private static MemorySegment piece(MemorySegment all, long[] offsets, int member, long piece) {
    long end = offsets[member + 1];
    long from = Math.min(offsets[member] + piece * PIECE, end);
    long to = Math.min(from + PIECE, end);
    return all.asSlice(from * Float.BYTES, (to - from) * Float.BYTES);
  }
}
