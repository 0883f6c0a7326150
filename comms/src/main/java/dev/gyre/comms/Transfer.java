package dev.gyre.comms;

import java.lang.foreign.MemorySegment;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * One send or receive of a {@link PolledTransport}. A transport settles it exactly once, by {@link
 * #complete} or {@link #fail}; the first call wins.
 */
public final class Transfer implements BorrowedReceive {
  enum Way {
    SEND,
    RECEIVE,
    BORROW
  }

  private final PolledTransport transport;
  private final Way way;
  private final int peer;
  private final Channel channel;
  private final int tag;
  private final MemorySegment segment;
  private final Collective kind;
  private @Nullable String failure;
  private @Nullable MemorySegment senderMemory;
  private long borrowTicket = -1;

  /** Time of posting, if traced. */
  private final long beganNanos;

  private volatile boolean settled;

  Transfer(
      PolledTransport transport,
      Way way,
      int peer,
      Channel channel,
      int tag,
      MemorySegment segment,
      Collective kind) {
    this.transport = transport;
    this.way = way;
    this.peer = peer;
    this.channel = channel;
    this.tag = tag;
    this.segment = segment;
    this.kind = kind;
    beganNanos = transport.where().trace() == null ? 0 : System.nanoTime();
  }

  public boolean isSend() {
    return way == Way.SEND;
  }

  /**
   * Whether this is a receive that may leave the payload in the sender's memory, by {@link
   * #completeInPlace}.
   */
  public boolean isBorrow() {
    return way == Way.BORROW;
  }

  Collective kind() {
    return kind;
  }

  public int peer() {
    return peer;
  }

  public Channel channel() {
    return channel;
  }

  public int tag() {
    return tag;
  }

  /** The payload of a send, or the destination of a receive. */
  public MemorySegment segment() {
    return segment;
  }

  public long bytes() {
    return segment.byteSize();
  }

  public boolean isSettled() {
    return settled;
  }

  /**
   * Completes a borrow with the payload in the sender's memory.
   *
   * @param ticket the transport's number for this receive, passed back on release
   */
  public void completeInPlace(MemorySegment where, long ticket) {
    senderMemory = where;
    borrowTicket = ticket;
    complete();
  }

  /** The transport's number for a receive completed in place; −1 if the payload was copied. */
  public long borrowTicket() {
    return borrowTicket;
  }

  @Override
  public MemorySegment payload() {
    MemorySegment there = senderMemory;
    return there == null ? segment : there;
  }

  @Override
  public void release() {
    if (borrowTicket >= 0) {
      senderMemory = null;
      transport.release(this);
      borrowTicket = -1;
    }
  }

  /**
   * The transport no longer accesses the segment. Returns false if the transfer was settled before.
   */
  public boolean complete() {
    return settle(null);
  }

  /**
   * Fails the transfer. The message says what it was doing, the progress of its rank, and the
   * reason. Returns false if the transfer was settled before.
   */
  public boolean fail(String reason) {
    return !settled && settle(describe() + ": " + reason);
  }

  private boolean settle(@Nullable String with) {
    synchronized (this) {
      if (settled) {
        return false;
      }
      failure = with;
      settled = true;
    }
    Trace trace = transport.where().trace();
    if (trace != null) {
      trace.transferred(isSend(), kind.key(), peer, bytes(), beganNanos);
    }
    transport.wake();
    return true;
  }

  /** Rank, peer, channel, collective, tag, size, step, layer and phase. */
  String describe() {
    return "rank %d (%s) %s %d bytes %s rank %d, channel %s, %s, tag %s"
        .formatted(
            transport.rank(),
            transport.where(),
            isSend() ? "sending" : "receiving",
            bytes(),
            isSend() ? "to" : "from",
            peer,
            channel.name().toLowerCase(Locale.ROOT),
            kind.key(),
            Integer.toHexString(tag));
  }

  @Override
  public boolean poll() {
    if (!settled) {
      transport.progress();
      if (!settled) {
        return false;
      }
    }
    check();
    return true;
  }

  @Override
  public void await() {
    if (!settled) {
      transport.await(this);
    }
    check();
  }

  private void check() {
    String message = failure; // written before the volatile write of settled
    if (message != null) {
      throw new CommsException(peer, message);
    }
  }
}
