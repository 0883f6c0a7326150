package dev.gyre.trainer.data;

import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;

/**
 * Loss of simple predictors on the held-out text, in nats per byte, for comparison with the model's
 * loss.
 *
 * @param heldOutBytes bytes that were predicted
 * @param bigram each byte from the one before it
 * @param trigram each byte from the two before it
 * @param gzip the compressed size
 */
public record Baselines(long heldOutBytes, double bigram, double trigram, double gzip) {
  /** Enough for stable trigram counts; counting takes a fraction of a second. */
  private static final int TRAIN_BYTES = 5 << 20;

  private static final int HELD_OUT_BYTES = 1 << 20;

  /** Tokens decoded at a time when they are not bytes. */
  private static final int DECODED_AT_ONCE = 1 << 20;

  /**
   * Counts on up to 5 MiB of training documents, sampled by a hash, and predicts up to 1 MiB of
   * held-out ones. Empty if nothing is held out.
   */
  public static Optional<Baselines> measure(Feed feed, Tokenizer tokenizer) {
    byte[][] heldOut = text(feed, feed.heldOutDocuments(), tokenizer, HELD_OUT_BYTES);
    long bytes = 0;
    for (byte[] document : heldOut) {
      bytes += document.length;
    }
    if (bytes == 0) {
      return Optional.empty();
    }
    ByteCounts counts = new ByteCounts();
    for (byte[] document : text(feed, feed.trainDocuments(), tokenizer, TRAIN_BYTES)) {
      counts.add(document);
    }
    double bigram = 0;
    double trigram = 0;
    for (byte[] document : heldOut) {
      bigram += counts.nats(document, 1);
      trigram += counts.nats(document, 2);
    }
    double gzip = gzipBytes(heldOut) * 8 * StrictMath.log(2);
    return Optional.of(new Baselines(bytes, bigram / bytes, trigram / bytes, gzip / bytes));
  }

  private static byte[][] text(Feed feed, DocumentSet set, Tokenizer tokenizer, int limit) {
    // A token stands for a byte or more, so so many tokens are enough.
    HashedChoice choice =
        HashedChoice.of(
            set.count(),
            d -> Hashing.hash(feed.seed(), Hashing.BASELINE, feed.store().key(d), 0),
            set::length,
            limit);
    BitSet chosen = choice.whole();
    if (choice.next() >= 0) {
      chosen.set(choice.next());
    }
    List<byte[]> documents = new ArrayList<>();
    int left = limit;
    for (int d = chosen.nextSetBit(0); d >= 0 && left > 0; d = chosen.nextSetBit(d + 1)) {
      int tokens = (int) Math.min(set.length(d), Math.min(left, DECODED_AT_ONCE));
      byte[] bytes = utf8(feed.store().read(set.start(d), tokens), tokenizer);
      documents.add(bytes.length <= left ? bytes : Arrays.copyOf(bytes, left));
      left -= documents.getLast().length;
    }
    return documents.toArray(byte[][]::new);
  }

  private static byte[] utf8(int[] tokens, Tokenizer tokenizer) {
    if (!(tokenizer instanceof ByteTokenizer)) {
      return tokenizer.decode(tokens).getBytes(StandardCharsets.UTF_8);
    }
    byte[] bytes = new byte[tokens.length];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) tokens[i];
    }
    return bytes;
  }

  private static long gzipBytes(byte[][] documents) {
    CountingStream counted = new CountingStream();
    try (GZIPOutputStream gzip = new GZIPOutputStream(counted)) {
      for (byte[] document : documents) {
        gzip.write(document);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("a stream that only counts cannot fail", e);
    }
    return counted.bytes;
  }

  private static final class CountingStream extends OutputStream {
    private long bytes;

    @Override
    public void write(int b) {
      bytes++;
    }

    @Override
    public void write(byte[] b, int from, int count) {
      bytes += count;
    }
  }
}
