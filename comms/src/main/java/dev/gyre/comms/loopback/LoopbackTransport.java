package dev.gyre.comms.loopback;

import dev.gyre.comms.Channel;
import dev.gyre.comms.PolledTransport;
import dev.gyre.comms.Progress;
import dev.gyre.comms.Transfer;
import dev.gyre.comms.memory.LazyMemory;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;

/** One rank of a {@link LoopbackNetwork}. */
final class LoopbackTransport extends PolledTransport {
  /** Upper bound on the delay that a lost wake-up causes. */
  private static final long MAX_PARK_NANOS = 20_000_000;

  private static final Channel[] CHANNELS = Channel.values();

  private final LoopbackNetwork network;
  private final Arena arena = Arena.ofShared();
  private volatile boolean closed;

  LoopbackTransport(int rank, int size, long deadlineNanos, LoopbackNetwork network) {
    super(rank, size, deadlineNanos, new Progress());
    this.network = network;
  }

  @Override
  public String name() {
    return LoopbackNetwork.LIMITS.name();
  }

  @Override
  public MemorySegment allocate(String name, long bytes) {
    return LazyMemory.allocate(arena, bytes, 64);
  }

  @Override
  protected void start(Transfer transfer) {
    if (transfer.isSend()) {
      network.link(rank(), transfer.peer(), transfer.channel()).send(transfer);
    } else {
      network.link(transfer.peer(), rank(), transfer.channel()).receive(transfer);
    }
  }

  @Override
  protected void withdraw(Transfer transfer, String reason) {
    int from = transfer.isSend() ? rank() : transfer.peer();
    int to = transfer.isSend() ? transfer.peer() : rank();
    network.link(from, to, transfer.channel()).withdraw(transfer, reason);
  }

  @Override
  protected void release(Transfer receive) {
    throw new IllegalStateException("loopback receives are copies, never borrowed in place");
  }

  @Override
  public int progress() {
    int work = 0;
    for (int peer = 0; peer < size(); peer++) {
      for (Channel channel : CHANNELS) {
        work += network.link(rank(), peer, channel).poll();
        work += network.link(peer, rank(), channel).poll();
      }
    }
    return work;
  }

  @Override
  protected boolean sharesCore() {
    return true;
  }

  @Override
  protected void prepareToPause() {} // a thread that parks later does not lose an unpark

  @Override
  protected void pause(long quietNanos, long leastNanos, long limitNanos) {
    long park = Math.min(MAX_PARK_NANOS, limitNanos);
    for (int peer = 0; peer < size(); peer++) {
      for (Channel channel : CHANNELS) {
        park = Math.min(park, network.link(rank(), peer, channel).idleNanos());
        park = Math.min(park, network.link(peer, rank(), channel).idleNanos());
      }
    }
    LockSupport.parkNanos(this, park);
  }

  void wakeUp() {
    wake();
  }

  @Override
  public void abort(String reason) {
    // // Takes every link's monitor in turn: afterwards nobody copies from or to this rank's
    // memory.
    network.cut(rank(), "rank " + rank() + " aborted: " + reason);
  }

  @Override
  public void close() {
    if (!closed) {
      closed = true;
      endBackground();
      network.leave(rank());
      arena.close();
    }
  }
}
