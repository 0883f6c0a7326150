package dev.gyre.comms;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Uneven all-to-all over a group. What goes to a member is gathered from any number of blocks and
 * scattered to as many: block b that a member sends to another lands in block b of what the other
 * receives from it, of the same size. Blocks without bytes are not sent.
 *
 * <p>What a member keeps is the caller's to copy, between {@link #start} and {@link #await}: it may
 * lie in a device's memory. Used by the group's thread, any number of times; after a {@link
 * CommsException} as the group itself.
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

  /** The next block for another member. It must not change until {@link #await} returns. */
  public void send(int member, MemorySegment block) {
    add(sends, member, block);
  }

  /** Where the next block of another member goes. */
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
   * Starts the transfers of all blocks given since the last call. Members begin with different
   * peers, so that nobody is sent to by all others at once.
   *
   * @param kind what the bytes are counted as; the same on every member
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

  /** Returns when all of them are done. */
  public void await() {
    pending.await();
  }
}
