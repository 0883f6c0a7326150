package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Transfer;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * An entry that waits to be written to a log: a frame, or a payload in chunks.
 *
 * @param payload source of the chunks; empty for a frame without payload
 * @param offset of the payload in its slab
 * @param transfer the send that completes once the payload is in the log; null for other frames
 */
record Outgoing(
    Frame.Kind kind,
    @Nullable Channel channel,
    int tag,
    int slab,
    long sequence,
    long bytes,
    long offset,
    MemorySegment payload,
    @Nullable Transfer transfer) {
  private static final int NO_SLAB = -1;

  /** A frame about a message, without payload. */
  static Outgoing about(Frame.Kind kind, Channel channel, long sequence) {
    return new Outgoing(kind, channel, 0, NO_SLAB, sequence, 0, 0, MemorySegment.NULL, null);
  }

  /** A frame whose payload is text. */
  static Outgoing text(Frame.Kind kind, @Nullable Channel channel, MemorySegment text) {
    return new Outgoing(kind, channel, 0, NO_SLAB, 0, text.byteSize(), 0, text, null);
  }

  static Outgoing offer(Transfer send, long sequence, int slab, long offset) {
    return new Outgoing(
        Frame.Kind.OFFER,
        send.channel(),
        send.tag(),
        slab,
        sequence,
        send.bytes(),
        offset,
        MemorySegment.NULL,
        send);
  }

  /** The payload itself: {@code EAGER} or {@code DATA}. */
  static Outgoing payload(Frame.Kind kind, Transfer send, long sequence) {
    return new Outgoing(
        kind, send.channel(), send.tag(), NO_SLAB, sequence, send.bytes(), 0, send.segment(), send);
  }

  /** Fails the send it belongs to, unless that is settled; false if it belongs to none. */
  boolean failSend(String reason) {
    if (transfer == null) {
      return false;
    }
    transfer.fail(reason);
    return true;
  }

  /** Whether writing all of it completes the send. */
  boolean completesSend() {
    return kind == Frame.Kind.EAGER || kind == Frame.Kind.DATA;
  }
}
