package dev.gyre.trainer.data;

import java.security.MessageDigest;
import java.util.Arrays;
import java.util.BitSet;
import org.jspecify.annotations.Nullable;

/**
 * Consecutive documents, or a part of a long one, read and tokenized. Primitive arrays, so that a
 * document of a few bytes costs a few bytes.
 */
final class EncodedBatch {
  static final int DIGEST_BYTES = 32;

  private final int tokenWidth;
  private final MessageDigest sha = Hashing.sha256();
  private byte[] tokens;
  private int tokenBytes;
  private int[] end = new int[8];
  private int[] file = new int[8];
  private int[] line = new int[8];
  private byte[] digest = new byte[8 * DIGEST_BYTES];
  private int documents;
  private boolean open;
  private @Nullable BitSet labelled;
  private long textBytes;
  private long lines;
  private final Problems problems = new Problems();

  /**
   * @param tokenWidth bytes of a stored token: 1, 2 or 4
   * @param tokenBytes expected
   */
  EncodedBatch(int tokenWidth, int tokenBytes) {
    this.tokenWidth = tokenWidth;
    this.tokens = new byte[Math.max(64, tokenBytes)];
  }

  /** A batch whose tokens are these bytes, which it keeps. */
  static EncodedBatch ofBytes(byte[] bytes) {
    EncodedBatch batch = new EncodedBatch(1, 0);
    batch.tokens = bytes;
    batch.tokenBytes = bytes.length;
    return batch;
  }

  void put(int[] ids) {
    reserve(Math.multiplyExact(ids.length, tokenWidth));
    for (int id : ids) {
      for (int b = 0; b < tokenWidth; b++) {
        tokens[tokenBytes++] = (byte) (id >>> (8 * b));
      }
    }
  }

  void put(byte[] bytes, int from, int to) {
    reserve(to - from);
    System.arraycopy(bytes, from, tokens, tokenBytes, to - from);
    tokenBytes += to - from;
  }

  private void reserve(int more) {
    long wanted = (long) tokenBytes + more;
    if (wanted > tokens.length) {
      long grown = Math.max(wanted, Math.min(2L * tokens.length, Integer.MAX_VALUE - 8));
      tokens = Arrays.copyOf(tokens, Math.toIntExact(grown));
    }
  }

  /** Forgets what was put since the last document. */
  void drop() {
    tokenBytes = documents == 0 ? 0 : end[documents - 1] * tokenWidth;
  }

  /** Bytes of the tokens put since the last document. */
  int newBytes() {
    return tokenBytes - (documents == 0 ? 0 : end[documents - 1] * tokenWidth);
  }

  /** Ends a document, or a part of one: its tokens are those put since the one before. */
  void end(int ofFile, int atLine) {
    end(ofFile, atLine, null);
  }

  /**
   * @param marks of the document's tokens that have a label; null for all
   */
  void end(int ofFile, int atLine, @Nullable BitSet marks) {
    if (documents == end.length) {
      end = Arrays.copyOf(end, 2 * documents);
      file = Arrays.copyOf(file, 2 * documents);
      line = Arrays.copyOf(line, 2 * documents);
      digest = Arrays.copyOf(digest, 2 * documents * DIGEST_BYTES);
    }
    int first = tokenBytes - newBytes();
    sha.update(tokens, first, tokenBytes - first);
    if (marks != null) {
      sha.update(marks.toByteArray());
      BitSet all = labelled == null ? new BitSet() : labelled;
      marks.stream().forEach(t -> all.set(first / tokenWidth + t));
      labelled = all;
    }
    end[documents] = tokenBytes / tokenWidth;
    file[documents] = ofFile;
    line[documents] = atLine;
    System.arraycopy(sha.digest(), 0, digest, documents * DIGEST_BYTES, DIGEST_BYTES);
    documents++;
  }

  /** The document that was ended here goes on in the next batch: this is a part of it. */
  void leaveOpen() {
    open = true;
  }

  void addText(long bytes) {
    textBytes += bytes;
  }

  void addLines(long count) {
    lines += count;
  }

  byte[] tokens() {
    return tokens;
  }

  int tokenBytes() {
    return tokenBytes;
  }

  int tokenCount() {
    return tokenBytes / tokenWidth;
  }

  int documents() {
    return documents;
  }

  /** Token at which a document ends, in this batch. */
  int end(int document) {
    return end[document];
  }

  int file(int document) {
    return file[document];
  }

  /** Line of a document, from 1 and in this batch; 0 where its file is one document. */
  int line(int document) {
    return line[document];
  }

  /**
   * SHA-256 of a document's tokens and labels, or of those of its part, written to {@code into}.
   */
  void digest(int document, byte[] into) {
    System.arraycopy(digest, document * DIGEST_BYTES, into, 0, DIGEST_BYTES);
  }

  /** Whether the batch's only document goes on in the next batch. */
  boolean open() {
    return open;
  }

  /** Which tokens have a label; null for all. */
  @Nullable BitSet labelled() {
    return labelled;
  }

  /** UTF-8 bytes of the documents before tokenizing. */
  long textBytes() {
    return textBytes;
  }

  /** Line ends in this batch's part of a file. */
  long lines() {
    return lines;
  }

  Problems problems() {
    return problems;
  }
}
