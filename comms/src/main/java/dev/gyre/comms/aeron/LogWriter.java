package dev.gyre.comms.aeron;

import dev.gyre.comms.Progress;
import io.aeron.ExclusivePublication;
import io.aeron.Publication;
import io.aeron.logbuffer.BufferClaim;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.function.Predicate;
import java.util.zip.CRC32C;
import org.agrona.MutableDirectBuffer;

/**
 * Writes frames to one peer's log as far as the log has room. Frames keep their order. Granted
 * payload, which may be large, is written when no frame waits.
 */
final class LogWriter {
  private final ExclusivePublication publication;
  private final Identity identity;
  private final Progress where;
  private final int chunkBytes;
  private final BufferClaim claim = new BufferClaim();
  private final CRC32C checksum = new CRC32C();
  private final ArrayDeque<Outgoing> frames = new ArrayDeque<>();
  private final ArrayDeque<Outgoing> bulk = new ArrayDeque<>();

  /** Bytes already written of the first entry of {@code frames} and of {@code bulk}. */
  private long framePosition;

  private long bulkPosition;

  LogWriter(ExclusivePublication publication, Identity identity, Progress where) {
    this.publication = publication;
    this.identity = identity;
    this.where = where;
    chunkBytes = publication.maxPayloadLength() - Frame.HEADER_BYTES;
  }

  int chunkBytes() {
    return chunkBytes;
  }

  boolean isEmpty() {
    return frames.isEmpty() && bulk.isEmpty();
  }

  void add(Outgoing frame) {
    frames.add(frame);
  }

  void addBulk(Outgoing payload) {
    bulk.add(payload);
  }

  /** Writes what fits. Returns how many frames and payloads progressed. */
  int write() {
    int finished = 0;
    for (Outgoing next = frames.peek(); next != null; next = frames.peek()) {
      long from = framePosition;
      framePosition = write(next, from);
      if (framePosition >= 0) {
        return framePosition > from ? finished + 1 : finished;
      }
      framePosition = 0;
      frames.remove();
      finish(next);
      finished++;
    }
    for (Outgoing next = bulk.peek(); next != null; next = bulk.peek()) {
      long from = bulkPosition;
      bulkPosition = write(next, from);
      if (bulkPosition >= 0) {
        return bulkPosition > from ? finished + 1 : finished;
      }
      bulkPosition = 0;
      bulk.remove();
      finish(next);
      finished++;
    }
    return finished;
  }

  private static void finish(Outgoing written) {
    if (written.completesSend() && written.transfer() != null) {
      written.transfer().complete();
    }
  }

  /** Returns the bytes written so far, or −1 when all is written. */
  private long write(Outgoing what, long from) {
    long position = from;
    MemorySegment payload = what.payload();
    do {
      int chunk = (int) Math.min(chunkBytes, payload.byteSize() - position);
      if (!claim(Frame.HEADER_BYTES + chunk)) {
        return position;
      }
      MutableDirectBuffer to = claim.buffer();
      int at = claim.offset();
      int channel = what.channel() == null ? 0 : what.channel().code();
      Frame.write(to, at, what.kind(), channel, identity.run(), identity.epoch(), where.step());
      Frame.writeMessage(
          to, at, what.tag(), what.slab(), what.sequence(), what.bytes(), what.offset() + position);
      Frame.writePayload(to, at, payload, position, chunk);
      if (identity.checksums()) {
        Frame.seal(to, at, Frame.HEADER_BYTES + chunk, checksum);
      }
      claim.commit();
      position += chunk;
    } while (position < payload.byteSize());
    return -1;
  }

  private boolean claim(int length) {
    long result = publication.tryClaim(length, claim);
    if (result == Publication.CLOSED || result == Publication.MAX_POSITION_EXCEEDED) {
      throw new IllegalStateException(
          "the log of stream %d has ended: %s"
              .formatted(publication.streamId(), Publication.errorString(result)));
    }
    return result > 0;
  }

  /** Fails the waiting sends and drops their frames. */
  void fail(Predicate<Outgoing> which, String reason) {
    if (startsWithSend(frames, which)) {
      framePosition = 0;
    }
    if (startsWithSend(bulk, which)) {
      bulkPosition = 0;
    }
    frames.removeIf(out -> which.test(out) && out.failSend(reason));
    bulk.removeIf(out -> which.test(out) && out.failSend(reason));
  }

  private static boolean startsWithSend(ArrayDeque<Outgoing> queue, Predicate<Outgoing> which) {
    Outgoing first = queue.peek();
    return first != null && first.transfer() != null && which.test(first);
  }

  /** Writes a last frame, ahead of all others; false if the log has no room for it now. */
  boolean writeLast(Outgoing frame) {
    return !publication.isConnected() || write(frame, 0) < 0;
  }

  void close() {
    publication.close();
  }
}
