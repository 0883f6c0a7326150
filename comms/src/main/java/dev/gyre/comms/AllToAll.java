package dev.gyre.comms;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Uneven all-to-all over a group. A member sends any number of blocks to each other member. Block b
 * that it sends to another member is received into block b that the other member gave for it, of
 * the same size. Empty blocks are not sent.
 *
 * <p>The caller copies the blocks that a member keeps, between {@link #start} and {@link #await},
 * because they may be in device memory. Used by the group's thread; reusable. After a {@link
 * CommsException} it cannot be used again, like the group.
 */
public final class AllToAll {
  private final ProcessGroup group;
  private final List<List<MemorySegment>> sends = new ArrayList<>();
  private final List<List<MemorySegment>> receives = new ArrayList<>();
  private final PendingList pending = new PendingList();

  public AllToAll(ProcessGroup group) {
    this.group = group;
    for (int member = 0; member < group.size(); member++) {
      sends.add(new ArrayList<>());
      receives.add(new ArrayList<>());
    }
  }

  /** Adds a block for another member. It must not change until {@link #await} returns. */
  public void send(int member, MemorySegment block) {
    add(sends, member, block);
  }

  /** Adds a destination for the next block of another member. */
  public void receive(int member, MemorySegment block) {
    add(receives, member, block);
  }

  private void add(List<List<MemorySegment>> blocks, int member, MemorySegment block) {
    if (member == group.rank()) {
      throw new IllegalArgumentException("member " + member + " is this one: copy its own blocks");
    }
    if (block.byteSize() > 0) {
      blocks.get(member).add(block);
    }
  }

  /**
   * Starts the transfers of all blocks added since the last call. Each member starts with a
   * different peer, so that no member receives from all others at once.
   *
   * @param kind the collective that the bytes are counted as; the same on every member
   */
  public void start(Collective kind) {
    try {
      for (int i = 1; i < group.size(); i++) {
        int source = group.before(i);
        for (MemorySegment block : receives.get(source)) {
          pending.add(group.receive(kind, source, block));
        }
      }
      for (int i = 1; i < group.size(); i++) {
        int target = group.after(i);
        for (MemorySegment block : sends.get(target)) {
          pending.add(group.send(kind, target, block));
        }
      }
    } finally {
      for (int member = 0; member < group.size(); member++) {
        sends.get(member).clear();
        receives.get(member).clear();
      }
    }
  }

  /** Returns when all transfers are complete. */
  public void await() {
    pending.await();
  }
}
