package dev.gyre.comms;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Common part of transports without a thread of their own: the waiting thread calls {@link
 * #progress}. Holds the deadline, the counters and the error texts.
 */
public abstract class PolledTransport implements Transport {
  /**
   * Spin limit if ranks share cores. A small message between two cores takes 2 µs; a peer on this
   * core needs the core sooner.
   */
  private static final long SHARED_CORE_SPIN_NANOS = 3_000;

  /** Spin limit if every rank has its own core: a wake-up would cost the peer 5 to 50 µs. */
  private static final long OWN_CORE_SPIN_NANOS = 30_000;

  /**
   * Yields of a rank to others on its core before it sleeps. A yield costs 1 µs; a wake-up costs up
   * to 50 µs. While no other thread wants the core, all yields together are a spin of 20 µs.
   */
  private static final int TURNS = 20;

  /**
   * A yield longer than this means that another thread on the core computes: copying 4 MB takes
   * less.
   */
  private static final long COMPUTING_NANOS = 1_000_000;

  /**
   * Time for which another thread on this core is assumed to compute. During it this thread does
   * not yield, because a yield would not return.
   */
  private static final long SLEEP_AT_ONCE_NANOS = 100_000_000;

  /**
   * Minimum time between polls during compute: a poll uses about 5 µs of the core that a kernel
   * runs on.
   */
  private static final long BESIDE_KERNELS_NANOS = 100_000;

  private static final long BESIDE_KERNELS_LIMIT_NANOS = 5_000_000;

  private static final Thread ANY_OTHER = Thread.ofPlatform().unstarted(() -> {});

  private final int rank;
  private final int size;
  private final long deadlineNanos;
  private final Progress where;
  private final TrafficMeter meter = new TrafficMeter();
  private final IdlePolicy idleness = new IdlePolicy();
  private final LongSupplier nanoTime;

  /**
   * Read by the waiting thread, so that time in which the process was suspended does not count
   * towards a wait's deadline.
   */
  private final AwakeClock awake;

  private Collective kind = Collective.POINT_TO_POINT;
  private int turns;
  private long sleepAtOnceUntil;
  private volatile @Nullable Thread waiter;
  private volatile @Nullable ProgressThread background;

  /**
   * @param deadlineNanos longest wait for one transfer
   */
  protected PolledTransport(int rank, int size, long deadlineNanos, Progress where) {
    this(rank, size, deadlineNanos, where, System::nanoTime);
  }

  /**
   * The same with a clock handed in.
   *
   * @param nanoTime monotonic nanoseconds, by which deadlines are counted
   */
  protected PolledTransport(
      int rank, int size, long deadlineNanos, Progress where, LongSupplier nanoTime) {
    if (size < 1 || rank < 0 || rank >= size) {
      throw new IllegalArgumentException("rank " + rank + " is not one of " + size + " ranks");
    }
    if (deadlineNanos < 1) {
      throw new IllegalArgumentException("deadline of " + deadlineNanos + " ns is not positive");
    }
    this.rank = rank;
    this.size = size;
    this.deadlineNanos = deadlineNanos;
    this.where = where;
    this.nanoTime = nanoTime;
    this.awake = new AwakeClock(nanoTime);
    this.sleepAtOnceUntil = nanoTime.getAsLong();
  }

  /** Hands the transfer to the network; may settle it immediately. */
  protected abstract void start(Transfer transfer);

  /**
   * Withdraws a transfer whose deadline has passed, so that this process no longer accesses its
   * memory, and fails it unless it completed in the meantime.
   */
  protected abstract void withdraw(Transfer transfer, String reason);

  /** Whether peers run on this rank's core too. */
  protected abstract boolean sharesCore();

  /** The calling thread will sleep if it finds nothing to do. From now on peers must wake it. */
  protected abstract void prepareToPause();

  /**
   * Sleeps until something may have progressed; may return at any time.
   *
   * @param quietNanos how long nothing has progressed
   * @param leastNanos minimum time before polling again is worth its cost, unless woken
   * @param limitNanos longest sleep
   */
  protected abstract void pause(long quietNanos, long leastNanos, long limitNanos);

  /** Tells the peer that a payload borrowed from it is no longer read. */
  protected abstract void release(Transfer receive);

  @Override
  public final int rank() {
    return rank;
  }

  @Override
  public final int size() {
    return size;
  }

  @Override
  public final Progress where() {
    return where;
  }

  @Override
  public final Counters counters() {
    return meter.snapshot();
  }

  @Override
  public final void collective(Collective newKind) {
    kind = newKind;
  }

  @Override
  public final Pending send(int peer, Channel channel, int tag, MemorySegment payload) {
    Transfer transfer = transfer(Transfer.Way.SEND, peer, channel, tag, payload);
    meter.sent(kind, payload.byteSize());
    post(transfer);
    return transfer;
  }

  @Override
  public final Pending receive(int peer, Channel channel, int tag, MemorySegment into) {
    return startReceive(Transfer.Way.RECEIVE, peer, channel, tag, into);
  }

  @Override
  public final BorrowedReceive borrow(int peer, Channel channel, int tag, MemorySegment into) {
    return startReceive(Transfer.Way.BORROW, peer, channel, tag, into);
  }

  private Transfer startReceive(
      Transfer.Way way, int peer, Channel channel, int tag, MemorySegment into) {
    if (into.isReadOnly()) {
      throw new IllegalArgumentException("a receive from rank " + peer + " into read-only memory");
    }
    Transfer transfer = transfer(way, peer, channel, tag, into);
    post(transfer);
    return transfer;
  }

  /** A receive whose payload is already available copies it in this call. */
  private void post(Transfer transfer) {
    long start = System.nanoTime();
    start(transfer);
    meter.waited(System.nanoTime() - start, 0, 0);
  }

  private Transfer transfer(
      Transfer.Way way, int peer, Channel channel, int tag, MemorySegment segment) {
    if (peer < 0 || peer >= size || peer == rank) {
      throw new IllegalArgumentException(
          "rank %d of %d has no peer %d%s"
              .formatted(rank, size, peer, peer == rank ? ": a rank copies its own part" : ""));
    }
    if (!segment.isNative()) {
      throw new IllegalArgumentException("payload on the heap cannot be sent: use native memory");
    }
    if (!segment.isAccessibleBy(ANY_OTHER)) {
      throw new IllegalArgumentException(
          "payload of a confined arena cannot be sent: another thread may copy it; use a shared one");
    }
    return new Transfer(this, way, peer, channel, tag, segment, kind);
  }

  /** Wakes the thread that waits for one of this rank's transfers, if any. */
  protected void wake() {
    Thread parked = waiter;
    if (parked != null) {
      LockSupport.unpark(parked);
    }
    ProgressThread driving = background;
    if (driving != null) {
      driving.wake();
    }
  }

  @Override
  public final void computing(boolean now) {
    ProgressThread driving = background;
    if (driving == null) {
      driving = new ProgressThread(this);
      background = driving;
    }
    driving.needed(now);
  }

  /** Stops the progress thread: from now on nothing progresses by itself. */
  protected final void endBackground() {
    ProgressThread driving = background;
    if (driving != null) {
      driving.close();
    }
  }

  /** Next to kernels that use the core, the thread does not spin and polls rarely. */
  final void pauseBesideKernels(ProgressThread driving, long quietNanos) {
    prepareToPause();
    if (progress() == 0 && driving.isNeeded()) {
      pause(quietNanos, BESIDE_KERNELS_NANOS, BESIDE_KERNELS_LIMIT_NANOS);
    }
  }

  final void await(Transfer transfer) {
    long start = nanoTime.getAsLong();
    long deadline = awake.nanos() + deadlineNanos;
    idleness.start();
    turns = 0;
    // // Set before the transfer is first checked: whoever settles it later sees the waiter.
    waiter = Thread.currentThread();
    try {
      while (!transfer.isSettled()) {
        boolean moved = progress() > 0;
        long now = nanoTime.getAsLong();
        long left = deadline - awake.nanos();
        if (moved) {
          idleness.moved(now);
          turns = 0;
        } else if (!transfer.isSettled()) {
          rest(transfer, now, left);
        }
      }
    } finally {
      waiter = null;
      where.waitingFor(-1);
      long end = nanoTime.getAsLong();
      idleness.moved(end);
      meter.waited(end - start, idleness.nanos(), idleness.cpuNanos());
      Trace trace = where.trace();
      if (trace != null) {
        trace.waited(transfer.kind().key(), transfer.peer(), start);
      }
    }
  }

  /** Spins briefly, yields the core, then sleeps; ends the wait at its deadline. */
  private void rest(Transfer transfer, long now, long leftNanos) {
    long quiet = idleness.quiet(now);
    if (leftNanos <= 0) {
      expire(transfer);
    } else if (quiet < (sharesCore() ? SHARED_CORE_SPIN_NANOS : OWN_CORE_SPIN_NANOS)) {
      Thread.onSpinWait();
    } else if (turns < TURNS && sharesCore() && now - sleepAtOnceUntil >= 0) {
      idleness.givingWay(now);
      leaveTurn(now);
    } else {
      sleep(transfer, quiet, now, leftNanos);
    }
  }

  @SuppressWarnings("ThreadPriorityCheck") // a hint: whatever the scheduler does, the wait ends
  private void leaveTurn(long now) {
    turns++;
    Thread.yield();
    long back = nanoTime.getAsLong();
    if (back - now >= COMPUTING_NANOS) {
      sleepAtOnceUntil = back + SLEEP_AT_ONCE_NANOS;
    }
  }

  private void sleep(Transfer transfer, long quiet, long now, long limitNanos) {
    prepareToPause();
    if (progress() > 0) {
      idleness.moved(nanoTime.getAsLong());
    } else if (!transfer.isSettled()) {
      where.waitingFor(transfer.peer());
      idleness.givingWay(now);
      pause(quiet, 0, limitNanos);
    }
  }

  private void expire(Transfer transfer) {
    withdraw(
        transfer,
        "rank %d did not answer within %.1f s".formatted(transfer.peer(), deadlineNanos / 1e9));
  }
}
