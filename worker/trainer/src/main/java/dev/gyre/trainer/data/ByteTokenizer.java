package dev.gyre.trainer.data;

import java.nio.charset.StandardCharsets;

/** Every byte is a token: 256 of them, without start or end. */
final class ByteTokenizer implements Tokenizer {
  static final String ID = "bytes";

  @Override
  public int vocabSize() {
    return 256;
  }

  @Override
  public String id() {
    return ID;
  }

  @Override
  public int[] encode(byte[] utf8) {
    int[] tokens = new int[utf8.length];
    for (int i = 0; i < tokens.length; i++) {
      tokens[i] = utf8[i] & 0xFF;
    }
    return tokens;
  }

  @Override
  public String decode(int[] tokens) {
    byte[] bytes = new byte[tokens.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) tokens[i];
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public TextCutter cutter() {
    return TextCutter.ANYWHERE;
  }

  @Override
  public void close() {}
}
