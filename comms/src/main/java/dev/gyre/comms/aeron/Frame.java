package dev.gyre.comms.aeron;

import dev.gyre.comms.Channel;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.zip.CRC32C;
import org.agrona.DirectBuffer;
import org.agrona.MutableDirectBuffer;

/**
 * The header of everything in a log, and a view of one such frame. Little-endian.
 *
 * <pre>
 *  0 int  CRC32C of all that follows (0 where checksums are off)
 *  4 byte kind         5 byte channel      6 short magic
 *  8 int  run          12 int epoch
 * 16 int  tag          20 int slab (−1: the payload goes through the log)
 * 24 long sequence number inside the channel
 * 32 long bytes of the whole payload
 * 40 long offset of this chunk in the payload, or of the payload in the slab
 * 48 long step of the sender
 * 56 payload
 * </pre>
 */
final class Frame {
  /** Frame types. S is the sender of a payload, R its receiver. */
  enum Kind {
    /** The peer has joined. */
    HELLO(0),
    /** S to R: a chunk of a small payload, sent before its receive is posted. */
    EAGER(1),
    /** S to R: a payload is ready; it is in a slab, or will be sent when granted. */
    OFFER(2),
    /** R to S: the receive of an offered payload is posted; send it. */
    GRANT(3),
    /** S to R: a chunk of a granted payload. */
    DATA(4),
    /** R to S: the payload has been copied from the slab. */
    DONE(5),
    /** R to S: the number of eager payloads received on the channel so far. */
    TAKEN(6),
    /** R to S: the channel is broken; the text gives the reason. */
    FAIL(7),
    /** The peer has given up; the text gives the reason. */
    ABORT(8),
    /** The peer has closed its transport; no frames follow. */
    BYE(9);

    private static final Kind[] BY_CODE = values();

    private final int code;

    Kind(int code) {
      this.code = code;
    }
  }

  static final int HEADER_BYTES = 56;
  private static final short MAGIC = 0x6779;
  private static final int CHECKSUM_FROM = 4;
  private static final int CHANNELS = Channel.values().length;

  private final CRC32C checksum = new CRC32C();
  private DirectBuffer buffer;
  private int at;
  private int length;

  Frame(DirectBuffer buffer) {
    this.buffer = buffer;
  }

  void wrap(DirectBuffer newBuffer, int newAt, int newLength) {
    buffer = newBuffer;
    at = newAt;
    length = newLength;
  }

  /** Whether this is a Gyre frame. */
  boolean isWellFormed() {
    if (length < HEADER_BYTES || buffer.getShort(at + 6, ByteOrder.LITTLE_ENDIAN) != MAGIC) {
      return false;
    }
    int kind = buffer.getByte(at + 4);
    int channel = buffer.getByte(at + 5);
    return kind >= 0 && kind < Kind.BY_CODE.length && channel >= 0 && channel < CHANNELS;
  }

  Kind kind() {
    return Kind.BY_CODE[buffer.getByte(at + 4)];
  }

  int channel() {
    return buffer.getByte(at + 5);
  }

  int run() {
    return buffer.getInt(at + 8, ByteOrder.LITTLE_ENDIAN);
  }

  int epoch() {
    return buffer.getInt(at + 12, ByteOrder.LITTLE_ENDIAN);
  }

  int tag() {
    return buffer.getInt(at + 16, ByteOrder.LITTLE_ENDIAN);
  }

  int slab() {
    return buffer.getInt(at + 20, ByteOrder.LITTLE_ENDIAN);
  }

  long sequence() {
    return buffer.getLong(at + 24, ByteOrder.LITTLE_ENDIAN);
  }

  long bytes() {
    return buffer.getLong(at + 32, ByteOrder.LITTLE_ENDIAN);
  }

  long offset() {
    return buffer.getLong(at + 40, ByteOrder.LITTLE_ENDIAN);
  }

  long step() {
    return buffer.getLong(at + 48, ByteOrder.LITTLE_ENDIAN);
  }

  int payloadBytes() {
    return length - HEADER_BYTES;
  }

  /** The payload as text. */
  String text() {
    return buffer.getStringWithoutLengthUtf8(at + HEADER_BYTES, payloadBytes());
  }

  /** Copies the payload. */
  void copyPayload(MemorySegment to, long toOffset) {
    long from = buffer.addressOffset() + at + HEADER_BYTES;
    MemorySegment.copy(RawMemory.ALL, from, to, toOffset, payloadBytes());
  }

  static void write(
      MutableDirectBuffer to, int at, Kind kind, int channel, int run, int epoch, long step) {
    to.putInt(at, 0, ByteOrder.LITTLE_ENDIAN);
    to.putByte(at + 4, (byte) kind.code);
    to.putByte(at + 5, (byte) channel);
    to.putShort(at + 6, MAGIC, ByteOrder.LITTLE_ENDIAN);
    to.putInt(at + 8, run, ByteOrder.LITTLE_ENDIAN);
    to.putInt(at + 12, epoch, ByteOrder.LITTLE_ENDIAN);
    to.putLong(at + 48, step, ByteOrder.LITTLE_ENDIAN);
  }

  static void writeMessage(
      MutableDirectBuffer to, int at, int tag, int slab, long sequence, long bytes, long offset) {
    to.putInt(at + 16, tag, ByteOrder.LITTLE_ENDIAN);
    to.putInt(at + 20, slab, ByteOrder.LITTLE_ENDIAN);
    to.putLong(at + 24, sequence, ByteOrder.LITTLE_ENDIAN);
    to.putLong(at + 32, bytes, ByteOrder.LITTLE_ENDIAN);
    to.putLong(at + 40, offset, ByteOrder.LITTLE_ENDIAN);
  }

  static void writePayload(
      MutableDirectBuffer to, int at, MemorySegment from, long fromOffset, int bytes) {
    long target = to.addressOffset() + at + HEADER_BYTES;
    MemorySegment.copy(from, fromOffset, RawMemory.ALL, target, bytes);
  }

  /** Writes the checksum of a complete frame that this view wraps. */
  static void seal(MutableDirectBuffer to, int at, int length, CRC32C checksum) {
    to.putInt(at, sum(to, at, length, checksum), ByteOrder.LITTLE_ENDIAN);
  }

  boolean isSound() {
    return buffer.getInt(at, ByteOrder.LITTLE_ENDIAN) == sum(buffer, at, length, checksum);
  }

  private static int sum(DirectBuffer buffer, int at, int length, CRC32C checksum) {
    long from = buffer.addressOffset() + at + CHECKSUM_FROM;
    checksum.reset();
    checksum.update(RawMemory.ALL.asSlice(from, length - CHECKSUM_FROM).asByteBuffer());
    return (int) checksum.getValue();
  }
}
