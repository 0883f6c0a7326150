package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.trainer.data.TextCutter.Cut;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Long texts are encoded in pieces whose tokens are those of the whole. */
final class LongTextTest {
  @TempDir static Path shared;
  @TempDir Path folder;
  private DataFixture data;

  @BeforeAll
  static void nativeLibraryGoesToATemporaryFolder() {
    System.setProperty("DJL_CACHE_DIR", shared.toString());
  }

  @BeforeEach
  void open() {
    data = new DataFixture(folder);
  }

  private Path resource(String name) throws IOException {
    Path file = folder.resolve(name + ".json");
    try (InputStream in = LongTextTest.class.getResourceAsStream("tokenizers/" + name + ".json")) {
      Files.write(file, assertNotNullStream(in).readAllBytes());
    }
    return file;
  }

  private static InputStream assertNotNullStream(InputStream in) {
    assertNotNull(in, "no such resource");
    return in;
  }

  /** Everything that a tokenizer may treat specially, side by side in random order. */
  private static String text(int length, long seed) {
    String[] parts = {
      "the",
      "Ring",
      "of",
      "expert",
      "M\u00fcller",
      "na\u00efve",
      "\u4e16\u754c",
      "\u3053\u3093",
      "\u043f\u0440\u0438\u0432\u0435\u0442",
      "12345",
      "3.14",
      "a_b",
      "don't",
      "I'm",
      "we\u2019re",
      "\ud83d\ude00",
      "e\u0301",
      "\u00a0",
      "  ",
      "   ",
      "\n",
      "\n\n",
      "\r\n",
      "\t",
      "\u3002",
      ",",
      "!?",
      "</s>",
      "<s>",
      "[SEP]",
      "<|endoftext|>",
      "\u2581",
      "ZmFzZGZhc2Rm9x",
      "a/b?c=d",
      "(x)"
    };
    Random random = new Random(seed);
    StringBuilder text = new StringBuilder();
    while (text.length() < length) {
      text.append(parts[random.nextInt(parts.length)]);
      text.append(random.nextInt(3) > 0 ? " " : "");
    }
    return text.toString();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "byte-level",
        "split-regex",
        "sentencepiece-bpe",
        "replace-bpe",
        "metaspace-bpe",
        "unigram",
        "wordpiece",
        "word-level"
      })
  void tokensOfPiecesAreTokensOfTheWhole(String name) throws IOException {
    try (Tokenizer tokenizer = Tokenizers.open(resource(name).toString(), folder)) {
      for (long seed = 1; seed <= 3; seed++) {
        String text = text(20_000, seed);
        int[] whole = tokenizer.encode(text);
        List<int[]> pieces = pieces(tokenizer, text, 500);
        assertTrue(pieces.size() > 30, pieces.size() + " pieces");
        int[] all = pieces.stream().flatMapToInt(Arrays::stream).toArray();
        assertEquals(-1, Arrays.mismatch(whole, all), name + ", seed " + seed);
      }
    }
  }

  private static List<int[]> pieces(Tokenizer tokenizer, String text, int length) {
    List<int[]> pieces = new ArrayList<>();
    int from = 0;
    while (text.length() - from > length) {
      Cut cut = tokenizer.cutter().last(text, from, from + length);
      assertNotNull(cut, "no cut after " + from);
      pieces.add(tokenizer.encode(text.substring(from, cut.end())));
      from = cut.next();
    }
    pieces.add(tokenizer.encode(text.substring(from)));
    return pieces;
  }

  /**
   * A tokenizer that splits by counting characters is not cut at all, because a cut would change
   * tokens.
   */
  @Test
  void aTokenizerThatCountsCharactersIsNotCut() throws IOException {
    String json = Files.readString(resource("word-level"));
    for (String split : List.of(".{1,5}", ".{2}", ".{1,7}")) {
      String counting =
          json.replace(
              "{\"type\":\"Whitespace\"}",
              "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"%s\"},\"behavior\":\"Isolated\",\"invert\":false}"
                  .formatted(split));
      assertTrue(!counting.equals(json));
      Path file = Files.writeString(folder.resolve("counting.json"), counting);
      try (Tokenizer tokenizer = Tokenizers.open(file.toString(), folder)) {
        String text = "the ring of experts and the ranks ".repeat(50);
        assertNull(tokenizer.cutter().last(text, 0, 1000), split);
      }
    }
  }

  private DatasetSpec dataset(String path, String tokenizer) {
    return DataFixture.dataset("best-fit", 0, source(path, ""))
        .with("tokenizer", folder.resolve(tokenizer + ".json").toString());
  }

  private int[] stored(DatasetSpec dataset) {
    try (Tokenizer tokenizer = Tokenizers.of(dataset, folder);
        TokenStore store =
            DataPreparation.prepare(dataset, data.places(), tokenizer, PrepareListener.NONE)) {
      assertEquals(1, store.documents());
      return store.read(0, Math.toIntExact(store.tokens()));
    }
  }

  /** A file and a line of JSON that are longer than what is held in memory at once. */
  @Test
  void longDocumentsAreStoredAsTheyAreEncodedWhole() throws IOException {
    Path file = resource("word-level");
    String text = "the ring of ranks, the expert\n".repeat(3 * DocumentEncoder.MAX_UNCUT / 30);
    data.write("long.txt", text);
    data.write("long.jsonl", "{\"text\":\"" + text.replace("\n", "\\n") + "\"}\n");
    int[] whole;
    try (Tokenizer tokenizer = Tokenizers.open(file.toString(), folder)) {
      int[] line = tokenizer.encode("the ring of ranks, the expert\n");
      whole = new int[line.length * (text.length() / 30)];
      Arrays.setAll(whole, t -> line[t % line.length]);
    }
    assertArrayEquals(whole, stored(dataset("long.txt", "word-level")));
    assertArrayEquals(whole, stored(dataset("long.jsonl", "word-level")));
  }

  @Test
  void aLongTextWithoutAPlaceToCutIsRefusedByName() throws IOException {
    resource("word-level");
    data.write("short.txt", "x".repeat(DocumentEncoder.MAX_UNCUT));
    assertEquals(1, stored(dataset("short.txt", "word-level")).length);
    String endless = "x".repeat(DocumentEncoder.MAX_UNCUT + 3 * DocumentEncoder.PIECE);
    data.write("long.txt", endless);
    data.write("long.jsonl", "{\"text\":\"the\"}\n{\"text\":\"" + endless + "\"}\n");
    for (String name : List.of("long.txt", "long.jsonl")) {
      DataException e =
          assertThrows(DataException.class, () -> stored(dataset(name, "word-level")));
      assertTrue(
          e.getMessage().contains(name.equals("long.txt") ? name : name + ":2"), e.getMessage());
      assertTrue(e.getMessage().contains("1,048,576 characters without a place"), e.getMessage());
    }
  }

  /**
   * An error of the native library is reported as an error of the text, with its location, and does
   * not end the JVM.
   */
  @Test
  void aTextThatTheTokenizerCannotEncodeIsNamed() throws IOException {
    String json = Files.readString(resource("word-level"));
    Files.writeString(
        folder.resolve("no-unknown.json"),
        json.replace("\"unk_token\":\"<unk>\"", "\"unk_token\":\"<gone>\""));
    data.write("d.jsonl", "{\"text\":\"the\"}\n{\"text\":\"of\"}\n{\"text\":\"the unheard-of\"}\n");
    data.write("docs/a.txt", "the");
    data.write("docs/b.txt", "unheard-of");
    DataException e =
        assertThrows(DataException.class, () -> stored(dataset("d.jsonl", "no-unknown")));
    assertTrue(e.getMessage().contains("d.jsonl:3: the tokenizer cannot encode"), e.getMessage());
    e = assertThrows(DataException.class, () -> stored(dataset("docs", "no-unknown")));
    assertTrue(e.getMessage().contains("b.txt: the tokenizer cannot encode"), e.getMessage());
  }

  /** With a tokenizer a text file must be UTF-8, at any length. */
  @ParameterizedTest
  @ValueSource(ints = {1, 200_000})
  void aTextFileMustBeUtf8(int repeats) throws IOException {
    resource("word-level");
    byte[] lines = "the ring\n".repeat(repeats).getBytes(StandardCharsets.UTF_8);
    byte[] damaged = Arrays.copyOf(lines, lines.length + 6);
    System.arraycopy(
        "caf\u00e9 o".getBytes(StandardCharsets.ISO_8859_1), 0, damaged, lines.length, 6);
    data.write("docs/a.txt", damaged);
    data.write("docs/b.txt", "the expert");
    DatasetSpec dataset = dataset("docs", "word-level");
    DataException e = assertThrows(DataException.class, () -> stored(dataset));
    assertTrue(
        e.getMessage().contains("a.txt:" + (repeats + 1) + ": not UTF-8: the byte 0xE9"),
        e.getMessage());
    assertEquals(2, stored(dataset.with("invalidText", "skip")).length);
    try (Tokenizer tokenizer = Tokenizers.of(dataset, folder);
        TokenStore store =
            DataPreparation.prepare(
                dataset.with("invalidText", "replace"),
                data.places(),
                tokenizer,
                PrepareListener.NONE)) {
      assertEquals(2, store.documents());
      int[] end = tokenizer.encode("caf\uFFFD o");
      assertEquals(2L * repeats + end.length, store.end(0));
      assertEquals("repaired", store.faults().getFirst().fate());
    }
  }

  @Test
  void theTemplateIsAddedOncePerDocumentWhenAskedFor() throws IOException {
    resource("sentencepiece-bpe");
    String text = "the ring of ranks ".repeat(2 * DocumentEncoder.MAX_UNCUT / 18);
    data.write("long.txt", text);
    DatasetSpec plain = dataset("long.txt", "sentencepiece-bpe");
    data.write("short.txt", "the");
    try (Tokenizer tokenizer = Tokenizers.of(plain, folder)) {
      assertEquals("<s> TEXT </s>", tokenizer.template().shown());
      int[] around =
          stored(dataset("short.txt", "sentencepiece-bpe").with("specialTokens", "template"));
      int[] the = tokenizer.encode("the");
      assertArrayEquals(new int[] {1, the[0], 2}, around);
    }
    int[] without = stored(plain);
    int[] with = stored(plain.with("specialTokens", "template"));
    assertEquals(without.length + 2, with.length);
    assertEquals(1, with[0]);
    assertEquals(2, with[with.length - 1]);
    assertArrayEquals(without, Arrays.copyOfRange(with, 1, with.length - 1));
  }

  @Test
  void theTextOfASpecialTokenIsTheTokenOrText() throws IOException {
    resource("sentencepiece-bpe");
    data.write("docs/a.txt", "the end </s> of");
    DatasetSpec parsed = dataset("docs", "sentencepiece-bpe");
    try (Tokenizer tokenizer = Tokenizers.of(parsed, folder);
        TokenStore store =
            DataPreparation.prepare(parsed, data.places(), tokenizer, PrepareListener.NONE)) {
      assertTrue(Arrays.stream(store.read(0, (int) store.tokens())).anyMatch(t -> t == 2));
      TextFault fault = store.faults().getFirst();
      assertEquals(ProblemKind.SPECIAL_TEXT, fault.kind());
      assertEquals("kept", fault.fate());
      assertTrue(fault.first().endsWith("a.txt holds '</s>'"), fault.first());
    }
    int[] text = stored(parsed.with("specialText", "text"));
    assertTrue(Arrays.stream(text).noneMatch(t -> t == 2));
    try (Tokenizer tokenizer = Tokenizers.of(parsed, folder)) {
      assertEquals("the end </s> of", tokenizer.decode(text).strip());
    }
  }

  @Test
  void tokenizersThatAreNoneAreNamed() throws IOException {
    data.write(
        "lfs.json",
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab".repeat(32) + "\nsize 1\n");
    DataException e = assertThrows(DataException.class, () -> Tokenizers.open("lfs.json", folder));
    assertTrue(e.getMessage().contains("lfs.json is a Git LFS pointer"), e.getMessage());
    String json = Files.readString(resource("byte-level"));
    data.write("random.json", json.replace("\"dropout\":null", "\"dropout\":0.1"));
    e = assertThrows(DataException.class, () -> Tokenizers.open("random.json", folder));
    assertTrue(e.getMessage().contains("dropout"), e.getMessage());
  }
}
