package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.dataset;
import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.DatasetSpec.Source;
import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.layout.TokenRange;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class FeedTest {
  @TempDir Path folder;
  private DataFixture data;

  @BeforeEach
  void open() {
    data = new DataFixture(folder);
  }

  private record Read(int[] tokens, int[] labels) {}

  private static Read read(Feed feed, RowShape row, List<TokenRange> runs) {
    int count = runs.stream().mapToInt(TokenRange::length).sum();
    Read read = new Read(new int[count], new int[count]);
    MemorySegment tokens = MemorySegment.ofArray(read.tokens);
    MemorySegment labels = MemorySegment.ofArray(read.labels);
    long at = 0;
    for (TokenRange run : runs) {
      feed.read(row, run, tokens.asSlice(at), labels.asSlice(at));
      at += 4L * run.length();
    }
    return read;
  }

  private static Read whole(Feed feed, RowShape row) {
    return read(feed, row, List.of(new TokenRange(0, row.tokens())));
  }

  private static final DatasetSpec ALL = dataset("best-fit", 0, source("docs", ""));

  @Test
  void labelsArePiecesNextTokensAndNoneAtADocumentsEnd() throws IOException {
    data.write("docs/long.txt", "abcdefghijkl");
    data.write("docs/short.txt", "xyz");
    try (TokenStore store = data.prepare(ALL)) {
      Feed feed = Feed.of(store, ALL, 5, 1, 0, 1);
      List<String> rows = new ArrayList<>();
      assertEquals(3, feed.stats(0).rows());
      for (int step = 0; step < 3; step++) {
        RowShape row = feed.shape(step).rows().getFirst();
        Read read = whole(feed, row);
        rows.add(show(read));
        int labels = (int) Arrays.stream(read.labels).filter(l -> l != Feed.NO_LABEL).count();
        assertEquals(row.labelled(), labels);
      }
      // abcde and fghij are cut inside the document; kl and xyz share a row in either order.
      assertTrue(rows.remove("abcde>bcdef"), rows.toString());
      assertTrue(rows.remove("fghij>ghijk"), rows.toString());
      String both = rows.getFirst();
      assertTrue(both.equals("klxyz>l-yz-") || both.equals("xyzkl>yz-l-"), both);
    }
  }

  /** Four steps of two short sequences in one row, then four steps of one long one. */
  @Test
  void stagesHaveTheirOwnLengthsAndRows() throws IOException {
    DatasetSpec concat = dataset("concat", 0, source("docs", ""));
    Random random = new Random(3);
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < 1000; i++) {
      text.append((char) ('a' + random.nextInt(26)));
    }
    data.write("docs/long.txt", text.toString());
    List<SequenceStage> curriculum =
        List.of(new SequenceStage(20, 0.5, 40), new SequenceStage(100, 0.5, 200));
    try (TokenStore store = data.prepare(concat)) {
      Feed feed = Feed.of(store, concat, curriculum, 8, 0, 1);
      Set<String> seen = new HashSet<>();
      for (int step = 0; step < 4; step++) {
        RowShape row = feed.shape(step).rows().getFirst();
        assertEquals(1, feed.shape(step).rows().size());
        assertEquals(0, row.stage());
        assertArrayEquals(new int[] {20, 20}, lengths(row));
        Read read = whole(feed, row);
        for (int piece = 0; piece < 2; piece++) {
          String sequence = show(read).substring(20 * piece, 20 * piece + 20);
          assertTrue(text.indexOf(sequence) % 20 == 0 && seen.add(sequence), sequence);
        }
      }
      for (int step = 4; step < 9; step++) {
        BatchShape batch = feed.shape(step);
        assertEquals(2, batch.rows().size());
        assertEquals(1, batch.rows().getFirst().stage());
        assertArrayEquals(new int[] {100}, lengths(batch.rows().getFirst()));
        assertTrue(text.indexOf(show(whole(feed, batch.rows().getLast())).substring(0, 100)) >= 0);
      }
      assertEquals(3, feed.cursor(3));
      assertEquals(4, feed.cursor(4));
      assertEquals(8, feed.cursor(6));
    }
  }

  private static int[] lengths(RowShape row) {
    int[] lengths = new int[row.documents().count()];
    for (int d = 0; d < lengths.length; d++) {
      lengths[d] = row.documents().length(d);
    }
    return lengths;
  }

  @Test
  void sequencesOfARowDivideTheStep() {
    assertEquals(4, new SequenceStage(512, 1, 2048).sequencesPerRow(8192));
    assertEquals(2, new SequenceStage(3000, 1, 18_000).sequencesPerRow(8192));
    assertEquals(1, new SequenceStage(100, 1, 700).sequencesPerRow(650));
    assertEquals(1, new SequenceStage(8192, 1, 32_768).sequencesPerRow(8192));
  }

  /** With a prefix of three, b and c are inputs but not labels; d is the first label. */
  @Test
  void noLabelLiesInThePrefix() throws IOException {
    data.write("docs/long.txt", "abcdefghijkl");
    data.write("docs/short.txt", "xyz");
    try (TokenStore store = data.prepare(ALL)) {
      Feed feed = Feed.of(store, ALL, 5, 1, 3, 1);
      List<String> rows = new ArrayList<>();
      long labelled = 0;
      for (int step = 0; step < 3; step++) {
        RowShape row = feed.shape(step).rows().getFirst();
        Read read = whole(feed, row);
        rows.add(show(read));
        int labels = (int) Arrays.stream(read.labels).filter(l -> l != Feed.NO_LABEL).count();
        assertEquals(row.labelled(), labels);
        assertEquals(labels, feed.shape(step).labelled());
        labelled += labels;
        // Reading token by token gives the same: a rank's part may begin anywhere in the prefix.
        List<TokenRange> singles = new ArrayList<>();
        for (int p = 0; p < row.tokens(); p++) {
          singles.add(new TokenRange(p, 1));
        }
        assertEquals(show(read), show(read(feed, row, singles)));
      }
      assertTrue(rows.remove("abcde>--def"), rows.toString());
      assertTrue(rows.remove("fghij>--ijk"), rows.toString());
      String both = rows.getFirst();
      assertTrue(both.equals("klxyz>-----") || both.equals("xyzkl>-----"), both);
      assertEquals(6, labelled);
    }
  }

  private static String show(Read read) {
    StringBuilder shown = new StringBuilder();
    for (int token : read.tokens) {
      shown.append((char) token);
    }
    shown.append('>');
    for (int label : read.labels) {
      shown.append(label == Feed.NO_LABEL ? '-' : (char) label);
    }
    return shown.toString();
  }

  @Test
  void runsReadTheSameAsTheWholeRow() throws IOException {
    Random random = new Random(2);
    int[] lengths = random.ints(60, 1, 400).toArray();
    try (TokenStore store = data.documents(lengths)) {
      Feed feed = Feed.of(store, ALL, 256, 2, 0, 4);
      for (RowShape row : feed.shape(3).rows()) {
        Read all = whole(feed, row);
        List<TokenRange> runs = new ArrayList<>();
        int at = 0;
        while (at < row.tokens()) {
          int length = Math.min(row.tokens() - at, random.nextInt(40));
          runs.add(new TokenRange(at, length));
          at += length + random.nextInt(20);
        }
        Read some = read(feed, row, runs);
        int i = 0;
        for (TokenRange run : runs) {
          for (int p = run.start(); p < Math.min(run.end(), row.tokens()); p++, i++) {
            assertEquals(all.tokens[p], some.tokens[i]);
            assertEquals(all.labels[p], some.labels[i]);
          }
        }
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> read(feed, row, List.of(new TokenRange(row.tokens(), 1))));
      }
    }
  }

  @Test
  void stepsWalkThroughEveryRowOfAnEpochOnceWhateverTheBatch() throws IOException {
    int[] lengths = new Random(8).ints(100, 1, 200).toArray();
    try (TokenStore store = data.documents(lengths)) {
      Feed one = Feed.of(store, ALL, 128, 1, 0, 4);
      Feed three = Feed.of(store, ALL, 128, 3, 0, 4);
      int rows = one.stats(0).rows();
      assertTrue(rows % 3 != 0 || rows > 3, "a batch should cross an epoch boundary");
      List<RowShape> single = new ArrayList<>();
      for (int step = 0; step < 3 * rows; step++) {
        single.addAll(one.shape(step).rows());
      }
      List<int[]> tokens = single.stream().map(row -> whole(one, row).tokens).toList();
      for (int step = rows - 1; step >= 0; step--) {
        BatchShape batch = three.shape(step);
        long labelled = 0;
        for (int i = 0; i < 3; i++) {
          RowShape row = batch.rows().get(i);
          assertEquals(single.get(step * 3 + i).epoch(), row.epoch());
          assertArrayEquals(tokens.get(step * 3 + i), whole(three, row).tokens);
          labelled += row.labelled();
        }
        assertEquals(labelled, batch.labelled());
        assertEquals(3L * step, three.cursor(step));
      }
      Set<Integer> seen = new HashSet<>();
      single.subList(0, rows).forEach(row -> assertTrue(seen.add(row.row()) && row.epoch() == 0));
      assertEquals(rows, seen.size());
      assertEquals(1, single.get(rows).epoch());
    }
  }

  @Test
  void aBatchMayGoThroughSeveralShortEpochs() throws IOException {
    try (TokenStore store = data.documents(5, 6, 7)) {
      Feed feed = Feed.of(store, ALL, 8, 10, 0, 1);
      List<Long> epochs = new ArrayList<>();
      for (int step = 0; step < 3; step++) {
        BatchShape batch = feed.shape(step);
        batch.rows().forEach(row -> epochs.add(row.epoch()));
        assertEquals(10, batch.rows().size());
        batch.rows().forEach(row -> assertEquals(row.tokens(), whole(feed, row).tokens.length));
      }
      for (int row = 0; row < 30; row++) {
        assertEquals(row / 3, epochs.get(row));
      }
    }
  }

  @Test
  void everyEpochABatchTouchesIsPackedOnce() throws IOException {
    List<Long> packed = new ArrayList<>();
    TokenStore four = data.documents(4);
    PackStats oneRow = new PackStats(1, 4, 4, 1, 0, 0);
    EpochRows rows =
        new EpochRows(
            epoch -> {
              packed.add(epoch);
              return new ConcatIndex(
                  HoldOut.of(four, 0, 1).train(),
                  new int[1],
                  new int[1],
                  new long[1],
                  new int[1],
                  oneRow);
            },
            true,
            6);
    for (int again = 0; again < 3; again++) {
      for (long row = 6; row < 12; row++) {
        assertEquals(row, rows.place(row).epoch());
        rows.index(row);
      }
    }
    assertEquals(List.of(0L, 6L, 7L, 8L, 9L, 10L, 11L), packed);
    four.close();
  }

  @Test
  void fractionalWeightsKeepRowsInOrderAcrossEpochs() throws IOException {
    DatasetSpec half = dataset("best-fit", 0, Source.of("docs").with("weight", 0.5));
    try (TokenStore store = data.documents(new Random(9).ints(60, 1, 50).toArray())) {
      Feed feed = Feed.of(store, half, 64, 1, 0, 4);
      long row = 0;
      Set<Integer> counts = new HashSet<>();
      for (int epoch = 0; epoch < 6; epoch++) {
        int rows = feed.stats(epoch).rows();
        counts.add(rows);
        for (int r = 0; r < rows; r++) {
          RowShape shape = feed.shape(row++).rows().getFirst();
          assertEquals(epoch, shape.epoch());
          assertEquals(r, shape.row());
        }
      }
      assertTrue(counts.size() > 1, "epochs must differ in length for this test");
      Feed fresh = Feed.of(store, half, 64, 1, 0, 4);
      assertEquals(
          feed.shape(row - 1).rows().getFirst().row(),
          fresh.shape(row - 1).rows().getFirst().row());
    }
  }

  @Test
  void heldOutDocumentsAreNeverTrainedOn() throws IOException {
    DatasetSpec tenth = dataset("best-fit", 0.1, source("docs", ""));
    try (TokenStore store = data.documents(new Random(1).ints(200, 5, 60).toArray())) {
      Feed feed = Feed.of(store, tenth, 64, 1, 0, 4);
      Map<String, Integer> trained = new HashMap<>();
      for (int step = 0; step < feed.stats(0).rows(); step++) {
        for (InspectedRow.Piece piece :
            feed.inspect(step, new ByteTokenizer()).getFirst().pieces()) {
          trained.merge(piece.name(), 1, Integer::sum);
        }
      }
      Set<String> held = new HashSet<>();
      for (RowShape row : feed.heldOut(0, Integer.MAX_VALUE).rows()) {
        for (InspectedRow.Piece piece : feed.inspect(row, new ByteTokenizer()).pieces()) {
          held.add(piece.name());
        }
      }
      // The split is by tokens: at most one document is on both sides, its head on one and its tail
      // on the other.
      long heldTokens = feed.heldOutDocuments().tokens();
      assertEquals(Math.round(0.1 * store.tokens()), heldTokens);
      assertEquals(store.tokens() - heldTokens, feed.trainDocuments().tokens());
      assertEquals((double) heldTokens / store.tokens(), feed.heldOutShare(), 1e-12);
      assertEquals(held.size(), feed.heldOutDocuments().members());
      held.retainAll(trained.keySet());
      assertTrue(held.size() <= 1, held.toString());
      Feed otherSeed = Feed.of(store, tenth, 64, 1, 0, 5);
      assertNotEquals(
          feed.inspect(feed.heldOut(0, 1).rows().getFirst(), new ByteTokenizer()).pieces(),
          otherSeed
              .inspect(otherSeed.heldOut(0, 1).rows().getFirst(), new ByteTokenizer())
              .pieces());
    }
  }

  @Test
  void ofASingleDocumentTheTailIsHeldOut() throws IOException {
    data.write("book.txt", "0123456789");
    DatasetSpec fifth = dataset("concat", 0.2, source("book.txt", ""));
    try (TokenStore store = data.prepare(fifth)) {
      Feed feed = Feed.of(store, fifth, 100, 1, 0, 1);
      assertEquals("01234567>1234567-", show(whole(feed, feed.shape(0).rows().getFirst())));
      assertEquals("89>9-", show(whole(feed, feed.heldOut(0, 9).rows().getFirst())));
    }
  }

  @Test
  void inspectShowsTextAndOrigin() throws IOException {
    data.write("docs/long.txt", "abcdefghijkl");
    try (TokenStore store = data.prepare(ALL)) {
      Feed feed = Feed.of(store, ALL, 8, 2, 0, 1);
      Set<InspectedRow.Piece> pieces = new HashSet<>();
      feed.inspect(0, new ByteTokenizer()).forEach(row -> pieces.addAll(row.pieces()));
      assertEquals(
          Set.of(
              new InspectedRow.Piece("docs", "long.txt", 0, 8, 12, "abcdefgh"),
              new InspectedRow.Piece("docs", "long.txt", 8, 4, 12, "ijkl")),
          pieces);
    }
  }

  @Test
  void aTokenizerBiggerThanTheModelIsRefusedByBothSizes() {
    DataException e = assertThrows(DataException.class, () -> new ByteTokenizer().requireFits(200));
    assertTrue(e.getMessage().contains("256") && e.getMessage().contains("200"), e.getMessage());
    new ByteTokenizer().requireFits(256);
  }

  @Test
  void byteTokensRoundTrip() {
    String text = "zw\u00f6lf \uD83D\uDE00\n";
    Tokenizer bytes = Tokenizers.open("bytes", folder);
    assertEquals(text, bytes.decode(bytes.encode(text.getBytes(StandardCharsets.UTF_8))));
  }
}
