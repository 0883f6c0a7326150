package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.contents;
import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class TokenStoreTest {
  @TempDir Path folder;
  private DataFixture data;

  @BeforeEach
  void open() throws IOException {
    data = new DataFixture(folder);
    for (int d = 0; d < 50; d++) {
      data.write("docs/%02d.txt".formatted(d), DataFixture.text(d, 10 + d * 13));
    }
  }

  private TokenStore prepare() {
    return data.prepare(source("docs", ""));
  }

  @Test
  void isMadeOnceAndFoundAgain() throws IOException {
    Path first;
    List<Long> reports = new ArrayList<>();
    PrepareListener listener =
        new PrepareListener() {
          @Override
          public void note(String line) {}

          @Override
          public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {
            reports.add(bytesDone);
            assertTrue(bytesDone <= bytesTotal);
          }
        };
    DatasetSpec dataset = DataFixture.dataset("best-fit", 0, source("docs", ""));
    try (TokenStore store = data.prepare(dataset, listener)) {
      first = store.folder();
      assertEquals(store.textBytes(), reports.getLast());
    }
    reports.clear();
    try (TokenStore store = data.prepare(dataset, listener)) {
      assertEquals(first, store.folder());
      assertEquals(List.of(), reports, "nothing is read again");
    }
    data.write("docs/new.txt", "changed");
    try (TokenStore store = data.prepare(dataset, listener)) {
      assertNotEquals(first, store.folder());
    }
  }

  /**
   * Documents end inside a byte of label bits, one is longer than one write, and text has all
   * labels.
   */
  @Test
  void marksOfAnyDocumentsAreReadAsTheyWereGiven() throws IOException {
    Random random = new Random(5);
    BitSet want = new BitSet();
    int[] lengths = {3, 1, 9, 8 * (1 << 20) + 5, 0, 7, 64};
    Path made = Files.createDirectory(folder.resolve("marked"));
    int at = 0;
    List<StoreWriter.NamedFile> files = List.of(new StoreWriter.NamedFile(0, "d", 1, false));
    try (StoreWriter writer = new StoreWriter(made, new ByteTokenizer(), "bytes", files)) {
      for (int d = 0; d < lengths.length; d++) {
        BitSet labelled = d % 2 == 0 ? null : new BitSet();
        for (int t = 0; t < lengths[d]; t++, at++) {
          if (labelled == null || random.nextInt(3) == 0) {
            want.set(at);
            if (labelled != null) {
              labelled.set(t);
            }
          }
        }
        EncodedBatch batch = new EncodedBatch(1, lengths[d]);
        batch.put(new byte[lengths[d]], 0, lengths[d]);
        batch.end(0, d + 1, labelled);
        writer.add(batch, 0);
      }
      writer.finish(List.of(), List.of("marked"));
    }
    try (TokenStore store = TokenStore.open(made)) {
      assertEquals(at, store.tokens());
      for (int t = 0; t < at; t++) {
        assertEquals(want.get(t) ? 1 : 0, store.labels().count(t, 1), "label of token " + t);
      }
    }
  }

  @Test
  void isFoundOnlyOnceItWasMade() throws IOException {
    DatasetSpec dataset = DataFixture.dataset("best-fit", 0, source("docs", ""));
    try (Tokenizer tokenizer = Tokenizers.open("bytes", data.folder())) {
      assertTrue(DataPreparation.find(dataset, data.places(), tokenizer).isEmpty());
      assertFalse(Files.exists(data.cache()), "find creates nothing");
      Path made;
      try (TokenStore store = prepare()) {
        made = store.folder();
      }
      try (TokenStore found =
          DataPreparation.find(dataset, data.places(), tokenizer).orElseThrow()) {
        assertEquals(made, found.folder());
      }
      data.write("docs/one-more.txt", "more");
      assertTrue(DataPreparation.find(dataset, data.places(), tokenizer).isEmpty());
    }
  }

  @Test
  void contentHashDependsOnContentOnly() throws IOException {
    String before;
    try (TokenStore store = prepare()) {
      before = store.contentHash();
    }
    Path file = folder.resolve("docs/00.txt");
    Files.setLastModifiedTime(file, java.nio.file.attribute.FileTime.fromMillis(1));
    try (TokenStore store = prepare()) {
      assertEquals(before, store.contentHash());
    }
    data.write("docs/00.txt", DataFixture.text(1, 10));
    try (TokenStore store = prepare()) {
      assertNotEquals(before, store.contentHash());
    }
  }

  @Test
  void concurrentMakersAgree() throws Exception {
    try (var threads = Executors.newFixedThreadPool(4)) {
      List<Callable<List<String>>> makers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        makers.add(
            () -> {
              try (TokenStore store = prepare()) {
                return contents(store);
              }
            });
      }
      List<Future<List<String>>> made = threads.invokeAll(makers);
      for (Future<List<String>> one : made) {
        assertEquals(made.getFirst().get(), one.get());
        assertEquals(50, one.get().size());
      }
    }
    try (var files = Files.list(data.cache())) {
      assertEquals(0, files.filter(f -> f.getFileName().toString().startsWith(".tmp")).count());
    }
  }

  @Test
  void processesWaitForTheOneThatWorks() throws Exception {
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 3; i++) {
      processes.add(
          new ProcessBuilder(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-XX:TieredStopAtLevel=1",
                  "-XX:+UseSerialGC",
                  "-cp",
                  System.getProperty("java.class.path"),
                  PrepareInProcess.class.getName(),
                  folder.toString())
              .redirectError(ProcessBuilder.Redirect.INHERIT)
              .start());
    }
    List<String> said = new ArrayList<>();
    for (Process process : processes) {
      try (var out = process.inputReader()) {
        said.add(out.readLine());
      }
      assertTrue(process.waitFor(60, TimeUnit.SECONDS), "still running");
      assertEquals(0, process.exitValue());
    }
    try (TokenStore store = prepare()) {
      String hash = store.contentHash();
      said.sort(null);
      assertEquals(List.of("found " + hash, "found " + hash, "made " + hash), said);
      String built = store.folder().getFileName().toString();
      try (var files = Files.list(data.cache())) {
        assertEquals(List.of(built), files.map(f -> f.getFileName().toString()).toList());
      }
    }
  }

  @Test
  void everyDamageIsFoundAndNamed() throws IOException {
    Path at;
    try (TokenStore store = prepare()) {
      at = store.folder();
    }
    for (String name :
        List.of(
            StoreMeta.TOKENS_FILE,
            StoreMeta.DOCUMENTS_FILE,
            StoreMeta.FILES_FILE,
            StoreMeta.NAMES_FILE,
            StoreMeta.META_FILE)) {
      Path file = at.resolve(name);
      byte[] good = Files.readAllBytes(file);
      byte[] flipped = good.clone();
      flipped[good.length / 2] ^= 4;
      Files.write(file, flipped);
      assertDamaged(file);
      Files.write(file, java.util.Arrays.copyOf(good, good.length - 1));
      assertDamaged(file);
      Files.delete(file);
      assertDamaged(file);
      Files.write(file, good);
      prepare().close();
    }
  }

  private void assertDamaged(Path file) {
    DataException e = assertThrows(DataException.class, this::prepare);
    assertTrue(e.getMessage().contains(file.toString()), e.getMessage());
    assertTrue(e.getMessage().contains("gyre data prepare"), e.getMessage());
  }

  /** Ids that need 1, 2 and 4 bytes are read back unchanged. */
  @Test
  void tokenWidths() {
    for (int vocabulary : new int[] {256, 257, 65_536, 65_537, 5_000_000}) {
      Tokenizer tokenizer = new Spread(vocabulary);
      DatasetSpec dataset = DataFixture.dataset("best-fit", 0, source("docs", ""));
      try (TokenStore store =
          DataPreparation.prepare(dataset, data.places(), tokenizer, PrepareListener.NONE)) {
        int[] expected = tokenizer.encode(DataFixture.text(3, 49).getBytes(StandardCharsets.UTF_8));
        assertArrayEquals(expected, store.read(store.start(3), expected.length));
        assertEquals(
            store.tokens() * DocumentEncoder.tokenWidth(vocabulary),
            Files.size(store.folder().resolve(StoreMeta.TOKENS_FILE)));
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }
  }

  /** Spreads bytes over a vocabulary, its largest id included. */
  private record Spread(int vocabSize) implements Tokenizer {
    @Override
    public String id() {
      return "spread " + vocabSize;
    }

    @Override
    public int[] encode(byte[] utf8) {
      int[] tokens = new int[utf8.length];
      for (int i = 0; i < tokens.length; i++) {
        tokens[i] = vocabSize - 1 - (utf8[i] & 0x7F) * (vocabSize / 256);
      }
      return tokens;
    }

    @Override
    public String decode(int[] tokens) {
      throw new AssertionError("preparing data decodes nothing");
    }

    @Override
    public void close() {}
  }
}
