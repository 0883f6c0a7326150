package dev.gyre.integration;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Changes single values of a safetensors file held in memory. */
final class SafetensorsBytes {
  private SafetensorsBytes() {}

  /** Total bytes of all tensors in a file. */
  static int dataBytes(byte[] file) {
    long header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong(0);
    return file.length - Long.BYTES - Math.toIntExact(header);
  }

  /** Sets one element of an F32 tensor, which must exist. */
  static void setF32(byte[] file, String tensor, int element, float value) {
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    int headerBytes = Math.toIntExact(bytes.getLong(0));
    String header = new String(file, Long.BYTES, headerBytes, StandardCharsets.UTF_8);
    Matcher info =
        Pattern.compile(
                "\""
                    + Pattern.quote(tensor)
                    + "\"\\s*:\\s*\\{[^}]*\"data_offsets\"\\s*:\\s*\\[(\\d+)")
            .matcher(header);
    if (!info.find()) {
      throw new AssertionError(tensor + " is not in " + header);
    }
    int from = Long.BYTES + headerBytes + Integer.parseInt(info.group(1));
    bytes.putFloat(from + element * Float.BYTES, value);
  }
}
