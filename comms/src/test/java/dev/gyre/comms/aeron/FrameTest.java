package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32C;
import org.agrona.concurrent.UnsafeBuffer;
import org.junit.jupiter.api.Test;

/** A frame is read back as it was written, and every flipped bit is detected. */
class FrameTest {
  private static final int AT = 16;
  private static final String TEXT = "payload";
  private static final int LENGTH = Frame.HEADER_BYTES + 7;

  private final UnsafeBuffer buffer = new UnsafeBuffer(ByteBuffer.allocateDirect(256));
  private final Frame frame = new Frame(buffer);

  private void write(Frame.Kind kind) {
    Frame.write(buffer, AT, kind, 3, 0xCAFE, 7, 812);
    Frame.writeMessage(buffer, AT, -5, 9, 1L << 40, 3L << 33, 5L << 34);
    buffer.putBytes(AT + Frame.HEADER_BYTES, TEXT.getBytes(StandardCharsets.UTF_8));
    Frame.seal(buffer, AT, LENGTH, new CRC32C());
    frame.wrap(buffer, AT, LENGTH);
  }

  @Test
  void fieldsComeBack() {
    for (Frame.Kind kind : Frame.Kind.values()) {
      write(kind);
      assertTrue(frame.isWellFormed());
      assertTrue(frame.isSound());
      assertEquals(kind, frame.kind());
      assertEquals(3, frame.channel());
      assertEquals(0xCAFE, frame.run());
      assertEquals(7, frame.epoch());
      assertEquals(812, frame.step());
      assertEquals(-5, frame.tag());
      assertEquals(9, frame.slab());
      assertEquals(1L << 40, frame.sequence());
      assertEquals(3L << 33, frame.bytes());
      assertEquals(5L << 34, frame.offset());
      assertEquals(TEXT, frame.text());
    }
  }

  @Test
  void anyFlippedBitIsSeen() {
    write(Frame.Kind.DATA);
    for (int bit = 0; bit < LENGTH * 8; bit++) {
      int at = AT + bit / 8;
      byte flipped = (byte) (buffer.getByte(at) ^ (1 << (bit % 8)));
      buffer.putByte(at, flipped);
      assertFalse(frame.isSound(), "bit " + bit);
      buffer.putByte(at, (byte) (flipped ^ (1 << (bit % 8))));
    }
    assertTrue(frame.isSound());
  }

  @Test
  void whatIsNoFrameIsNotTakenForOne() {
    write(Frame.Kind.DATA);
    frame.wrap(buffer, AT, Frame.HEADER_BYTES - 1);
    assertFalse(frame.isWellFormed());
    frame.wrap(buffer, AT, LENGTH);
    buffer.putByte(AT + 4, (byte) Frame.Kind.values().length);
    assertFalse(frame.isWellFormed());
    write(Frame.Kind.DATA);
    buffer.putByte(AT + 5, (byte) 4);
    assertFalse(frame.isWellFormed());
    write(Frame.Kind.DATA);
    buffer.putByte(AT + 7, (byte) 0);
    assertFalse(frame.isWellFormed());
  }
}
