package dev.gyre.comms;

import java.lang.foreign.MemorySegment;

/**
 * Point-to-point transfers between the ranks of one run. One thread (the training thread) calls
 * {@code send}, {@code receive} and awaits; any thread may call {@link #abort} and {@link
 * #counters}.
 *
 * <p>Within a channel of an ordered pair, receives match sends in program order and must agree in
 * tag and size; otherwise both sides fail with both values in the message. Zero bytes are legal.
 * Payload above {@value #EAGER_BYTES} bytes waits for its posted receive. Smaller messages may be
 * sent ahead into a bounded number of slots; no correct program depends on that.
 */
public interface Transport extends AutoCloseable {
  /** Largest message that may be sent before its receive is posted. */
  int EAGER_BYTES = 64 << 10;

  int rank();

  int size();

  /** {@code loopback}, {@code ipc} or {@code udp}. */
  String name();

  /**
   * Allocates zeroed memory that needs the fewest copies to send. On one host it is shared with the
   * peers, so that the receiver copies directly from it. The transport owns it; it is valid until
   * the transport is closed. Other native memory that any thread may access can be sent too, at the
   * cost of a copy.
   *
   * @param name identifies a rank's segments in messages, for example {@code workspace}
   */
  MemorySegment allocate(String name, long bytes);

  /**
   * Sets the collective that the following sends and receives belong to, for counters and errors
   * ({@link Collective#POINT_TO_POINT} until the first call). Called by the thread that sends and
   * receives.
   */
  void collective(Collective kind);

  /** Starts sending. The payload must not change until the handle completes. */
  Pending send(int peer, Channel channel, int tag, MemorySegment payload);

  /** Starts receiving exactly {@code into.byteSize()} bytes. */
  Pending receive(int peer, Channel channel, int tag, MemorySegment into);

  /**
   * Starts a read-only receive of exactly {@code into.byteSize()} bytes. Payload that is sent by
   * reference stays in the sender's memory until {@link BorrowedReceive#release}.
   *
   * @param into destination of payload that is sent in any other way
   */
  BorrowedReceive borrow(int peer, Channel channel, int tag, MemorySegment into);

  /**
   * Progresses all transfers that can progress, without waiting; cheap if none can. Returns a work
   * count.
   */
  int progress();

  /**
   * Tells the transport that the calling thread, which has transfers in flight, computes from now
   * on ({@code true}), or has finished computing ({@code false}). In between, a thread of the
   * transport progresses transfers, and sleeps if there is nothing to do. Without this call,
   * transfers make no progress while nobody waits. Both calls cost a few microseconds.
   */
  void computing(boolean now);

  /** What this rank currently does; the transport includes it in errors. */
  Progress where();

  /**
   * Completes every open handle, and all later ones, exceptionally with the reason. Returns only
   * when no thread accesses their memory any more.
   */
  void abort(String reason);

  /** Payload bytes sent and waiting time so far, by collective. */
  Counters counters();

  @Override
  void close();
}
