package dev.gyre.comms;

import java.lang.foreign.MemorySegment;

/**
 * Point-to-point transfer between the ranks of one run. One thread (the training thread) calls
 * {@code send}, {@code receive} and awaits; {@link #abort} and {@link #counters} may come from any
 * thread.
 *
 * <p>Inside a channel of an ordered pair, receives match sends in program order and must agree in
 * tag and size; otherwise both sides fail, naming them. Zero bytes are legal. Payload above {@value
 * #EAGER_BYTES} bytes waits for its posted receive; smaller messages may go ahead into bounded
 * slots, and no correct program depends on that.
 */
public interface Transport extends AutoCloseable {
  /** Largest message that may travel before its receive is posted. */
  int EAGER_BYTES = 64 << 10;

  int rank();

  int size();

  /** {@code loopback}, {@code ipc} or {@code udp}. */
  String name();

  /**
   * Zeroed memory from which payload travels with the fewest copies (on one host: shared with the
   * peers, so that the receiver copies straight from it). Owned by the transport, valid until it is
   * closed. Other native memory that any thread may touch can be sent too, at the price of a copy.
   *
   * @param name distinguishes a rank's segments in messages, for example {@code workspace}
   */
  MemorySegment allocate(String name, long bytes);

  /**
   * Names the collective that the following sends and receives belong to, in counters and errors
   * ({@link Collective#POINT_TO_POINT} until it is called). Called by the thread that sends and
   * receives.
   */
  void collective(Collective kind);

  /** Starts sending. The payload must stay unchanged until the handle is done. */
  Pending send(int peer, Channel channel, int tag, MemorySegment payload);

  /** Starts receiving exactly {@code into.byteSize()} bytes. */
  Pending receive(int peer, Channel channel, int tag, MemorySegment into);

  /**
   * Starts receiving exactly {@code into.byteSize()} bytes that are only read: payload that comes
   * by reference stays where it is, in the sender's memory, until {@link BorrowedReceive#release}.
   *
   * @param into where payload goes that comes in any other way
   */
  BorrowedReceive borrow(int peer, Channel channel, int tag, MemorySegment into);

  /** Moves whatever can move without waiting; cheap when nothing can. Returns a work count. */
  int progress();

  /**
   * Says that the calling thread, which has transfers under way, computes from now on and drives
   * nothing ({@code true}), or that it is back ({@code false}). In between a thread of the
   * transport moves what can move, asleep while nothing can. Without this, transfers stand still
   * while nobody waits. Both cost a few microseconds.
   */
  void computing(boolean now);

  /** What this rank does now; the transport quotes it in errors. */
  Progress where();

  /**
   * Completes every handle exceptionally with the reason, and all later calls likewise; returns
   * only when no thread touches their memory any more.
   */
  void abort(String reason);

  /** Payload bytes sent and time waited so far, by kind of collective. */
  Counters counters();

  @Override
  void close();
}
