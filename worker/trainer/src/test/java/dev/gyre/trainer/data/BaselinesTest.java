package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.dataset;
import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BaselinesTest {
  @TempDir Path folder;

  @Test
  void knownChains() throws IOException {
    DataFixture data = new DataFixture(folder);
    Random random = new Random(4);
    for (int d = 0; d < 40; d++) {
      // Each letter is the one two before it, or (one time in four) a random one of four.
      StringBuilder text = new StringBuilder("ab");
      while (text.length() < 20_000) {
        text.append(
            random.nextInt(4) == 0
                ? (char) ('a' + random.nextInt(4))
                : text.charAt(text.length() - 2));
      }
      data.write("docs/%02d.txt".formatted(d), text.toString());
    }
    DatasetSpec dataset = dataset("best-fit", 0.1, source("docs", ""));
    try (TokenStore store = data.prepare(dataset)) {
      Feed feed = Feed.of(store, dataset, 1024, 1, 0, 1);
      Baselines found = Baselines.measure(feed, new ByteTokenizer()).orElseThrow();
      double stays = 0.75 + 0.25 / 4;
      double other = 0.25 / 4;
      double trigram = -stays * Math.log(stays) - 3 * other * Math.log(other);
      assertEquals(80_000, found.heldOutBytes());
      assertEquals(trigram, found.trigram(), 0.01);
      assertEquals(Math.log(4), found.bigram(), 0.02);
      assertTrue(found.gzip() > trigram && found.gzip() < Math.log(4), found.toString());
    }
  }

  @Test
  void probabilitiesAddUpToOne() {
    ByteCounts counts = new ByteCounts();
    counts.add(DataFixture.text(1, 5000).getBytes(StandardCharsets.US_ASCII));
    for (int order = 0; order <= 2; order++) {
      double sum = 0;
      for (int next = 0; next < 256; next++) {
        byte[] two = {'(', '/'};
        byte[] three = {'(', '/', (byte) next};
        sum += Math.exp(counts.nats(two, order) - counts.nats(three, order));
      }
      assertEquals(1, sum, 1e-9);
    }
  }

  @Test
  void nothingHeldOutNothingMeasured() throws IOException {
    DatasetSpec dataset = dataset("best-fit", 0, source("docs", ""));
    try (TokenStore store = new DataFixture(folder).documents(5, 6)) {
      Feed feed = Feed.of(store, dataset, 8, 1, 0, 1);
      assertEquals(Optional.empty(), Baselines.measure(feed, new ByteTokenizer()));
    }
  }
}
