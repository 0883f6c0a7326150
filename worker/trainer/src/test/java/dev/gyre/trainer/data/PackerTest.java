package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.Random;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

final class PackerTest {
  private static final double[] ONCE = {1.0};

  private static final long HEAP = 1L << 30;

  /** Documents one after another; the source of each is its index modulo the number of sources. */
  private record Lengths(int[] lengths, int sources) implements DocumentSet {
    @Override
    public int count() {
      return lengths.length;
    }

    @Override
    public long start(int document) {
      return Arrays.stream(lengths, 0, document).asLongStream().sum();
    }

    @Override
    public long length(int document) {
      return lengths[document];
    }

    @Override
    public int source(int document) {
      return document % sources;
    }

    @Override
    public LabelMarks labels() {
      return LabelMarks.ALL;
    }
  }

  private static DocumentSet documents(int... lengths) {
    return new Lengths(lengths, 1);
  }

  private static int[] randomLengths(Random random, int n, int most) {
    int[] lengths = new int[n];
    for (int d = 0; d < n; d++) {
      // Many short documents and a few very long ones, as in real data.
      lengths[d] = 1 + (int) (Math.pow(random.nextDouble(), 3) * most);
    }
    return lengths;
  }

  /**
   * Every token of every document is there exactly once, no row is over N, no document is cut
   * without need.
   */
  private static void assertCovers(DocumentSet set, PackedIndex packed, int n, boolean bestFit) {
    boolean[][] seen = new boolean[set.count()][];
    Arrays.setAll(seen, d -> new boolean[(int) set.length(d)]);
    long tokens = 0;
    for (int r = 0; r < packed.rows(); r++) {
      PackedRow row = packed.row(r);
      int rowTokens = row.documents().tokens();
      assertTrue(rowTokens >= 1 && rowTokens <= n, "row " + r + " has " + rowTokens);
      tokens += rowTokens;
      int labelled = 0;
      for (int piece = 0; piece < row.pieces(); piece++) {
        int document = row.document()[piece];
        int from = (int) (row.start()[piece] - set.start(document));
        for (int t = 0; t < row.length()[piece]; t++) {
          assertFalse(seen[document][from + t], "token twice");
          seen[document][from + t] = true;
          labelled += from + t + 1 < set.length(document) ? 1 : 0;
        }
        boolean last = from + row.length()[piece] == set.length(document);
        assertEquals(last, row.last()[piece]);
        if (bestFit && set.length(document) <= n) {
          assertEquals(set.length(document), row.length()[piece], "cut without need");
        }
      }
      assertEquals(labelled, row.labelled(LabelMarks.ALL, 0));
    }
    assertEquals(set.tokens(), tokens);
    assertEquals(tokens, packed.stats().tokens());
  }

  @Test
  void everyTokenExactlyOnce() {
    Random random = new Random(7);
    for (int trial = 0; trial < 200; trial++) {
      int n = 1 + random.nextInt(trial % 10 == 0 ? 1 : 300);
      int[] lengths = randomLengths(random, 1 + random.nextInt(80), 1 + random.nextInt(900));
      for (boolean bestFit : new boolean[] {true, false}) {
        DocumentSet set = documents(lengths);
        PackedIndex packed = Packer.pack(set, ONCE, bestFit, n, trial, random.nextInt(3), HEAP);
        assertCovers(set, packed, n, bestFit);
        if (!bestFit) {
          long total = Arrays.stream(lengths).asLongStream().sum();
          assertEquals((total + n - 1) / n, packed.rows(), "concat leaves only one row short");
        }
      }
    }
  }

  @Test
  void bestFitPutsEachPieceIntoTheFullestRowThatHasRoom() {
    Random random = new Random(11);
    for (int trial = 0; trial < 20; trial++) {
      int n = 50 + random.nextInt(5000);
      int[] lengths = randomLengths(random, 400, n);
      PackedIndex packed = Packer.pack(documents(lengths), ONCE, true, n, 1, 0, HEAP);
      assertEquals(naiveRows(lengths, n), packed.rows());
    }
  }

  private static int naiveRows(int[] lengths, int n) {
    int[] sorted = lengths.clone();
    Arrays.sort(sorted);
    TreeMap<Integer, Integer> rowsByFree = new TreeMap<>();
    int rows = 0;
    for (int i = sorted.length - 1; i >= 0; i--) {
      Integer free = rowsByFree.ceilingKey(sorted[i]);
      int space = n;
      if (free == null) {
        rows++;
      } else {
        space = free;
        rowsByFree.computeIfPresent(free, (k, count) -> count == 1 ? null : count - 1);
      }
      rowsByFree.merge(space - sorted[i], 1, Integer::sum);
    }
    return rows;
  }

  @Test
  void pureFunctionOfSeedAndEpoch() {
    int[] lengths = randomLengths(new Random(3), 500, 700);
    PackedIndex packed = Packer.pack(documents(lengths), ONCE, true, 256, 5, 2, HEAP);
    PackedIndex again = Packer.pack(documents(lengths), ONCE, true, 256, 5, 2, HEAP);
    PackedIndex otherEpoch = Packer.pack(documents(lengths), ONCE, true, 256, 5, 3, HEAP);
    PackedIndex otherSeed = Packer.pack(documents(lengths), ONCE, true, 256, 6, 2, HEAP);
    assertArrayEquals(pieces(packed), pieces(again));
    assertFalse(Arrays.equals(pieces(packed), pieces(otherEpoch)));
    assertFalse(Arrays.equals(pieces(packed), pieces(otherSeed)));
    assertEquals(packed.rows(), otherEpoch.rows(), "whole weights: all epochs are equally long");
  }

  private static long[] pieces(PackedIndex packed) {
    return IntStream.range(0, packed.rows())
        .mapToObj(packed::row)
        .flatMapToLong(row -> Arrays.stream(row.start()))
        .toArray();
  }

  @Test
  void rowsAreShuffled() {
    int[] lengths = new int[1000];
    Arrays.setAll(lengths, d -> 1 + d % 100);
    PackedIndex packed = Packer.pack(documents(lengths), ONCE, true, 100, 1, 0, HEAP);
    // Best fit makes the rows with the longest documents first; shuffling must remove that order.
    int half = packed.rows() / 2;
    double first = longest(packed, 0, half);
    double second = longest(packed, half, packed.rows());
    assertEquals(first, second, 10.0);
  }

  private static double longest(PackedIndex packed, int from, int to) {
    double sum = 0;
    for (int row = from; row < to; row++) {
      int most = 0;
      for (int length : packed.row(row).length()) {
        most = Math.max(most, length);
      }
      sum += most;
    }
    return sum / (to - from);
  }

  @Test
  void weightsSayHowOftenADocumentIsDrawn() {
    int n = 4000;
    int[] lengths = new int[n];
    Arrays.fill(lengths, 1);
    DocumentSet all = new Lengths(lengths, 2);
    int[][] times = new int[2][n];
    for (int epoch = 0; epoch < 2; epoch++) {
      PackedIndex packed = Packer.pack(all, new double[] {2.25, 0.5}, true, 64, 9, epoch, HEAP);
      for (int row = 0; row < packed.rows(); row++) {
        for (int document : packed.row(row).document()) {
          times[epoch][document]++;
        }
      }
      int heavy = 0;
      int light = 0;
      for (int d = 0; d < n; d++) {
        int drawn = times[epoch][d];
        assertTrue(d % 2 == 0 ? drawn == 2 || drawn == 3 : drawn <= 1, d + " drawn " + drawn);
        heavy += d % 2 == 0 ? drawn : 0;
        light += d % 2 == 1 ? drawn : 0;
      }
      assertEquals(2.25, heavy / 2000.0, 0.05);
      assertEquals(0.5, light / 2000.0, 0.05);
    }
    assertFalse(Arrays.equals(times[0], times[1]), "the fraction is drawn anew each epoch");
  }

  @Test
  void moreDocumentsThanTheHeapCanPackAreRefusedByBoth() {
    int[] lengths = new int[10_000];
    Arrays.fill(lengths, 3);
    DocumentSet set = documents(lengths);
    for (boolean bestFit : new boolean[] {true, false}) {
      PackedIndex packed = Packer.pack(set, ONCE, bestFit, 4, 1, 0, HEAP);
      long needed = packed.stats().packingBytes();
      assertTrue(needed <= 8L * lengths.length + 16L * lengths.length, "took " + needed);
      DataException e =
          assertThrows(
              DataException.class, () -> Packer.pack(set, ONCE, bestFit, 4, 1, 0, needed - 1));
      assertTrue(e.getMessage().contains("10,000 documents"), e.getMessage());
      assertTrue(e.getMessage().contains("the limit is"), e.getMessage());
    }
  }

  @Test
  void statsCountCutDocumentsAndFill() {
    PackedIndex packed = Packer.pack(documents(25, 10, 5, 3), ONCE, true, 10, 1, 0, HEAP);
    // 25 = 10 + 10 + 5; 5 + 5; 10; 3
    assertEquals(5, packed.rows());
    assertEquals(1, packed.stats().documentsCut());
    assertEquals(43 / 50.0, packed.stats().fill(), 1e-12);
    assertEquals(0.25, packed.stats().cut(), 1e-12);
  }

  @Test
  void freeSpaceFindsTheLeastThatIsEnough() {
    Random random = new Random(5);
    for (int most : new int[] {1, 63, 64, 65, 4095, 4096, 4097, 300_000}) {
      FreeSpace free = new FreeSpace(most, 2000);
      TreeMap<Integer, Integer> expected = new TreeMap<>();
      for (int i = 0; i < 2000; i++) {
        int amount = random.nextInt(most + 1);
        if (i % 3 == 2) {
          Integer wanted = expected.ceilingKey(amount);
          assertEquals(wanted == null ? -1 : wanted, free.leastAtLeast(amount), "of " + most);
          if (wanted != null) {
            free.take(wanted);
            expected.computeIfPresent(wanted, (k, count) -> count == 1 ? null : count - 1);
          }
        } else {
          free.put(i, amount);
          expected.merge(amount, 1, Integer::sum);
        }
      }
    }
  }
}
