package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Random;

/**
 * A process that makes large data, prepares it, packs an epoch, and prints what that took.
 *
 * <p>Arguments: folder, kind ({@code text}, {@code document} or {@code lines}), its size (bytes,
 * bytes or documents), tokenizer, tokens of a row.
 */
final class PrepareLargeData {
  private static final int BLOCK = 1 << 16;

  private PrepareLargeData() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    long size = Long.parseLong(arguments[2]);
    String name = arguments[1].equals("lines") ? "data.jsonl" : "data.txt";
    Path file = folder.resolve(name);
    if (arguments[1].equals("lines")) {
      lines(file, size);
    } else {
      text(file, size);
    }
    DatasetSpec dataset =
        DataFixture.dataset("best-fit", 0.01, DataFixture.source(name, ""))
            .with("tokenizer", arguments[3]);
    DataFixture data = new DataFixture(folder);
    long began = System.nanoTime();
    try (Tokenizer tokenizer = Tokenizers.of(dataset, folder);
        TokenStore store =
            DataPreparation.prepare(dataset, data.places(), tokenizer, PrepareListener.NONE)) {
      double prepared = (System.nanoTime() - began) / 1e9;
      began = System.nanoTime();
      Feed feed = Feed.of(store, dataset, Integer.parseInt(arguments[4]), 1, 0, 1);
      PackStats stats = feed.stats(0);
      double packed = (System.nanoTime() - began) / 1e9;
      System.out.printf(
          Locale.ROOT,
          "documents %d tokens %d rows %d textBytes %d held %.5f preparedSeconds %.1f packedSeconds %.1f peakMB %d%n",
          store.documents(),
          store.tokens(),
          stats.rows(),
          store.textBytes(),
          feed.heldOutShare(),
          prepared,
          packed,
          peakBytes() >> 20);
    }
  }

  /** Peak memory of this process, mapped files included. */
  private static long peakBytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmHWM:")) {
        return Long.parseLong(line.replaceAll("\\D", "")) << 10;
      }
    }
    throw new IOException("no VmHWM");
  }

  /** Words, spaces and lines of random lengths, as prose has them. */
  private static void text(Path file, long bytes) throws IOException {
    Random random = new Random(1);
    try (OutputStream out = Files.newOutputStream(file)) {
      byte[] block = new byte[BLOCK];
      for (long left = bytes; left > 0; left -= BLOCK) {
        for (int i = 0; i < block.length; i++) {
          int r = random.nextInt(64);
          block[i] = (byte) (r < 11 ? ' ' : r == 11 ? '\n' : 'a' + r % 26);
        }
        out.write(block, 0, (int) Math.min(BLOCK, left));
      }
    }
  }

  private static void lines(Path file, long documents) throws IOException {
    try (BufferedWriter out = Files.newBufferedWriter(file, StandardCharsets.UTF_8)) {
      for (long d = 0; d < documents; d++) {
        out.write("{\"text\":\"document ");
        out.write(Long.toString(d));
        out.write(d % 3 == 0 ? " of many short ones" : " of many");
        out.write("\"}\n");
      }
    }
  }
}
