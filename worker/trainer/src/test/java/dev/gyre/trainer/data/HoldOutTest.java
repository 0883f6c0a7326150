package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class HoldOutTest {
  @TempDir Path folder;

  /** The share of the tokens is held out, and no token is on both sides. */
  private static void assertSplit(TokenStore store, double share, long seed) {
    HoldOut split = HoldOut.of(store, share, seed);
    long wanted = Math.max(2, Math.round(share * store.tokens()));
    // A single token that is left over has no label, and stays with the training tokens.
    assertEquals(wanted - 0.5, split.heldOut().tokens(), 0.5, "seed " + seed);
    assertEquals(store.tokens() - split.heldOut().tokens(), split.train().tokens());
    for (int d = 0; d < store.documents(); d++) {
      long train = split.train().length(d);
      long held = split.heldOut().length(d);
      assertEquals(store.end(d) - store.start(d), train + held);
      if (train > 0) {
        assertEquals(store.start(d), split.train().start(d));
      }
      if (held > 0) {
        assertEquals(store.end(d), split.heldOut().start(d) + held);
      }
    }
  }

  @Test
  void aBigAndASmallDocument() throws IOException {
    DataFixture data = new DataFixture(folder);
    try (TokenStore store = data.documents(900_000, 1_800)) {
      for (long seed = 1; seed <= 20; seed++) {
        assertSplit(store, 0.01, seed);
      }
    }
  }

  @Test
  void manyDocuments() throws IOException {
    DataFixture data = new DataFixture(folder);
    int[] lengths = new Random(3).ints(500, 2, 900).toArray();
    try (TokenStore store = data.documents(lengths)) {
      TreeSet<Integer> members = new TreeSet<>();
      for (long seed = 1; seed <= 20; seed++) {
        for (double share : new double[] {0.001, 0.01, 0.1, 0.5}) {
          assertSplit(store, share, seed);
        }
        members.add(HoldOut.of(store, 0.1, seed).heldOut().members());
      }
      assertTrue(members.size() > 1, "seeds differ");
      assertTrue(members.first() > 30 && members.last() < 75, members.toString());
    }
  }

  /** The choice depends on the documents' contents; names and folders change nothing. */
  @Test
  void namesMeanNothing() throws IOException {
    DataFixture first = new DataFixture(Files.createDirectory(folder.resolve("first")));
    DataFixture second = new DataFixture(Files.createDirectory(folder.resolve("second")));
    for (int d = 0; d < 60; d++) {
      first.write("docs/%02d.txt".formatted(d), DataFixture.text(d, 20 + d));
      second.write("docs/sub/x%02d.md".formatted(d), DataFixture.text(d, 20 + d));
    }
    try (TokenStore a = first.prepare(source("docs", ""));
        TokenStore b = second.prepare(source("docs", ""))) {
      assertEquals(a.contentHash(), b.contentHash());
      HoldOut one = HoldOut.of(a, 0.2, 7);
      HoldOut two = HoldOut.of(b, 0.2, 7);
      for (int d = 0; d < 60; d++) {
        assertEquals(one.heldOut().length(d), two.heldOut().length(d));
        assertEquals(one.heldOut().start(d), two.heldOut().start(d));
      }
    }
  }

  /** Equal documents have equal hashes; the share is still right. */
  @Test
  void equalDocuments() throws IOException {
    DataFixture data = new DataFixture(folder);
    data.write("d.jsonl", "{\"text\":\"the same again\"}\n".repeat(1000));
    try (TokenStore store = data.prepare(source("d.jsonl", ""))) {
      assertSplit(store, 0.05, 1);
      assertEquals(50, HoldOut.of(store, 0.05, 1).heldOut().members());
    }
  }

  /** A document of one token has no label, so it is of no use for an evaluation. */
  @Test
  void documentsWithoutALabelAreNotHeldOut() throws IOException {
    DataFixture data = new DataFixture(folder);
    int[] lengths = new int[100];
    java.util.Arrays.fill(lengths, 1);
    for (int d = 0; d < 8; d++) {
      lengths[d] = 64;
    }
    try (TokenStore store = data.documents(lengths)) {
      for (long seed = 1; seed <= 10; seed++) {
        DocumentSet held = HoldOut.of(store, 0.02, seed).heldOut();
        assertEquals(Math.round(0.02 * store.tokens()), held.tokens());
        for (int d = 8; d < 100; d++) {
          assertEquals(0, held.length(d));
        }
      }
    }
  }

  @Test
  void generatedTasksAreHeldOutWhole() throws IOException {
    DataFixture data = new DataFixture(folder);
    try (TokenStore store = data.prepare(source("mqar:pairs=3,length=33,documents=40", ""))) {
      for (double share : new double[] {0.001, 0.03, 0.3}) {
        DocumentSet held = HoldOut.of(store, share, 1).heldOut();
        assertEquals(Math.max(1, Math.round(share * 40)) * 33, held.tokens(), 33);
        assertTrue(held.members() >= 1);
        for (int d = 0; d < 40; d++) {
          assertTrue(held.length(d) == 0 || held.length(d) == 33, "cut: " + held.length(d));
        }
      }
    }
  }

  @Test
  void theChoiceIsByRisingHashUntilThereAreEnoughTokens() {
    Random random = new Random(11);
    for (int trial = 0; trial < 50; trial++) {
      int n = 1 + random.nextInt(200);
      long[] hash = random.longs(n, 0, trial % 5 == 0 ? 3 : Long.MAX_VALUE).toArray();
      int[] length = random.ints(n, 0, 50).toArray();
      long wanted = random.nextInt(3000);
      HashedChoice choice = HashedChoice.of(n, d -> hash[d], d -> length[d], wanted);
      Integer[] order = new Integer[n];
      java.util.Arrays.setAll(order, d -> d);
      java.util.Arrays.sort(order, (a, b) -> Long.compareUnsigned(hash[a], hash[b]));
      long left = wanted;
      int next = -1;
      java.util.BitSet whole = new java.util.BitSet();
      for (int d : order) {
        if (length[d] > 0 && next < 0) {
          if (length[d] <= left) {
            whole.set(d);
            left -= length[d];
          } else {
            next = d;
          }
        }
      }
      assertEquals(new HashedChoice(whole, next, left), choice, "trial " + trial);
    }
  }
}
