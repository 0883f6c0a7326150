package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.contents;
import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Damaged text is refused with its location, repaired, or skipped and counted. */
final class DamagedTextTest {
  private static final String GOOD = "{\"text\":\"good\"}\n";

  @TempDir Path folder;
  private DataFixture data;

  @BeforeEach
  void open() {
    data = new DataFixture(folder);
  }

  private static DatasetSpec dataset(String invalid, String path) {
    return DataFixture.dataset("best-fit", 0, source(path, "")).with("invalidText", invalid);
  }

  private String refusal(String path) {
    return assertThrows(DataException.class, () -> data.prepare(dataset("error", path)))
        .getMessage();
  }

  private List<String> stored(String invalid, String path) {
    try (TokenStore store = data.prepare(dataset(invalid, path))) {
      return contents(store);
    }
  }

  private TextFault fault(String invalid, String path) {
    try (TokenStore store = data.prepare(dataset(invalid, path))) {
      assertEquals(1, store.faults().size(), store.faults().toString());
      return store.faults().getFirst();
    }
  }

  private static byte[] latin1(String text) {
    return text.getBytes(StandardCharsets.ISO_8859_1);
  }

  /**
   * Each line is the second of three; repaired, it has the text given here, otherwise it is
   * skipped.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '^',
      value = {
        "{\"text\":\"caf\u00e9\"}            | NOT_UTF8      | not UTF-8: the byte 0xE9     | caf\uFFFD",
        "{\"text\":\"a\\ud83d b\"}           | SURROGATE     | half of a surrogate pair     | a\uFFFD b",
        "{\"text\":\"a\\ude00\\ud83d\"}      | SURROGATE     | half of a surrogate pair     | a\uFFFD\uFFFD",
        "{\"text\":\"a\\u0000b\"}            | NUL           | a text with NUL              | a\uFFFDb",
        "{\"text\":\"a\",\"text\":\"b\"}     | DUPLICATE_KEY | the key 'text' stands there twice | b",
        "{\"text\":\"a\"} {\"text\":\"b\"}   | NOT_JSON      | something follows the object | ",
        "{\"text\":\"a\"}x                   | NOT_JSON      | something follows the object | ",
        "{\"text\":\"a                       | NOT_JSON      | is the file cut off?         | ",
        "{'text':'a'}                        | NOT_JSON      | not JSON at column 2         | ",
        "[1]                                 | NOT_JSON      | a JSON object is wanted      | ",
        "{\"text\":null}                     | NO_TEXT       | 'text' is null, not a string | ",
        "{\"text\":123}                      | NO_TEXT       | 'text' is a number, not a string | ",
        "{\"text\":[\"a\"]}                  | NO_TEXT       | 'text' is a list, not a string | ",
        "{\"txet\":\"a\",\"id\":3}           | NO_TEXT       | no text in 'text'; keys are [txet, id] | "
      })
  void linesOfJson(String line, ProblemKind kind, String what, String repaired) throws IOException {
    data.write("d.jsonl", latin1(GOOD + line.strip() + "\n" + GOOD));
    String message = refusal("d.jsonl");
    assertTrue(message.contains("d.jsonl:2: "), message);
    assertTrue(message.contains(what), message);
    assertTrue(message.contains("dataset.invalid-text"), message);
    assertFalse(message.contains("Source:") || message.contains("StreamRead"), message);

    assertEquals(List.of("d.jsonl:1=good", "d.jsonl:3=good"), stored("skip", "d.jsonl"));
    TextFault left = fault("skip", "d.jsonl");
    assertEquals(kind, left.kind());
    assertEquals(1, left.documents());
    assertEquals("left out", left.fate());
    assertTrue(left.first().contains("d.jsonl:2: "), left.first());

    List<String> kept =
        repaired == null
            ? List.of("d.jsonl:1=good", "d.jsonl:3=good")
            : List.of("d.jsonl:1=good", "d.jsonl:2=" + repaired, "d.jsonl:3=good");
    assertEquals(kept, stored("replace", "d.jsonl"));
    assertEquals(repaired == null ? "left out" : "repaired", fault("replace", "d.jsonl").fate());
  }

  @Test
  void everyKindIsNamedWithItsFirstPlaceAndNumber() throws IOException {
    StringBuilder lines = new StringBuilder(GOOD);
    for (int i = 0; i < 20_000; i++) {
      lines.append(
          i % 4 == 1 ? "{\"text\":null}\n" : i % 4 == 2 ? "{\"text\":\"\\udc00\"}\n" : GOOD);
    }
    data.write("docs/a.jsonl", lines.toString());
    data.write("docs/b.txt", "text in UTF-16".getBytes(StandardCharsets.UTF_16));
    String message = refusal("docs");
    assertTrue(message.contains("a.jsonl:3: 'text' is null"), message);
    assertTrue(message.contains("a.jsonl:4: half of a surrogate"), message);
    assertTrue(message.contains("(the first of 5,000)"), message);
    assertTrue(message.contains("b.txt is UTF-16: convert it"), message);
  }

  /** Line numbers continue across blocks, and across a line that is longer than a block. */
  @Test
  void linesAreCountedThroughBlocksAndLongLines() throws IOException {
    String longLine = "{\"text\":\"" + "long ".repeat(DocumentReader.BATCH_BYTES / 3) + "\"}\n";
    String filler = GOOD.repeat(100_000);
    data.write("d.jsonl", filler + longLine + "\n" + GOOD + "{\"text\":7}\n" + filler);
    String message = refusal("d.jsonl");
    assertTrue(message.contains("d.jsonl:100004: 'text' is a number"), message);
    try (TokenStore store = data.prepare(dataset("skip", "d.jsonl"))) {
      assertEquals(200_002, store.documents());
      assertEquals("d.jsonl:100001", store.name(100_000));
      assertEquals(
          5L * (DocumentReader.BATCH_BYTES / 3), store.end(100_000) - store.start(100_000));
      assertEquals("d.jsonl:100003", store.name(100_001));
      assertEquals("d.jsonl:100005", store.name(100_002));
    }
  }

  @Test
  void theLastLineMayLackItsEndButNotItsObject() throws IOException {
    data.write("d.jsonl", GOOD + GOOD.strip());
    assertEquals(List.of("d.jsonl:1=good", "d.jsonl:2=good"), stored("error", "d.jsonl"));
    data.write("d.jsonl", GOOD + "{\"text\":\"cut");
    String message = refusal("d.jsonl");
    assertTrue(message.contains("d.jsonl:2: not JSON"), message);
    assertTrue(message.contains("cut off"), message);
  }

  @Test
  void aByteOrderMarkIsNoTextInEitherKindOfFile() throws IOException {
    data.write("docs/a.txt", "\uFEFFone");
    data.write("docs/b.jsonl", "\uFEFF{\"text\":\"two\"}\n");
    data.write("docs/c.txt", "\uFEFF");
    data.write("docs/long.txt", "\uFEFF" + "x".repeat(DocumentReader.BATCH_BYTES + 1));
    try (TokenStore store = data.prepare(dataset("error", "docs"))) {
      List<String> contents = contents(store);
      assertEquals(List.of("a.txt=one", "b.jsonl:1=two"), contents.subList(0, 2));
      assertEquals("long.txt=" + "x".repeat(DocumentReader.BATCH_BYTES + 1), contents.get(2));
      assertEquals(ProblemKind.EMPTY, store.faults().getFirst().kind());
      assertTrue(store.faults().getFirst().first().endsWith("c.txt is empty"));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "a.txt,UTF-16",
    "a.txt,UTF-16LE",
    "a.txt,UTF-16BE",
    "a.txt,UTF-32LE",
    "a.txt,UTF-32BE",
    "Notes.java,UTF-16",
    "a.jsonl,UTF-16",
    "a.jsonl,UTF-16LE"
  })
  void anotherEncodingIsNamed(String name, String encoding) throws IOException {
    data.write("docs/" + name, GOOD.repeat(40).getBytes(Charset.forName(encoding)));
    data.write("docs/b.txt", "fine");
    String message = refusal("docs");
    assertTrue(message.contains(name + " is " + encoding + ": convert it"), message);
    assertEquals(List.of("b.txt=fine"), stored("skip", "docs"));
    assertEquals(ProblemKind.ENCODING, fault("skip", "docs").kind());
  }

  @ParameterizedTest
  @CsvSource({"a.txt,gzip", "a.jsonl,gzip", "a.md,zstd"})
  void compressedFilesWithNamesOfTextAreNamed(String name, String how) throws IOException {
    byte[] bytes = {0x28, (byte) 0xB5, 0x2F, (byte) 0xFD, 4, 0x58, 1, 2, 3};
    if (how.equals("gzip")) {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (GZIPOutputStream gzip = new GZIPOutputStream(out)) {
        gzip.write(GOOD.getBytes(StandardCharsets.UTF_8));
      }
      bytes = out.toByteArray();
    }
    data.write("docs/" + name, bytes);
    data.write("docs/b.txt", "fine");
    data.write("docs/archive.gz", bytes);
    String message = refusal("docs");
    assertTrue(message.contains(name + " is compressed (" + how + "): unpack it"), message);
    assertFalse(message.contains("archive.gz"), message);
    assertEquals(List.of("b.txt=fine"), stored("skip", "docs"));
  }

  @Test
  void aGitLfsPointerIsNoText() throws IOException {
    String pointer =
        "version https://git-lfs.github.com/spec/v1\noid sha256:" + "ab".repeat(32) + "\nsize 12\n";
    data.write("docs/a.txt", pointer);
    data.write("docs/b.jsonl", pointer);
    String message = refusal("docs");
    assertTrue(message.contains("a.txt is a Git LFS pointer"), message);
    assertTrue(message.contains("git lfs pull"), message);
    assertTrue(message.contains("(the first of 2)"), message);
  }

  /** A text file with NUL is damaged; another file with zero bytes is binary, and skipped. */
  @Test
  void zeroBytesDependOnTheName() throws IOException {
    data.write("docs/a.txt", "one\0two");
    data.write("docs/b.bin", "one\0two");
    data.write("docs/c.txt", "fine");
    String message = refusal("docs");
    assertTrue(message.contains("a.txt is a text with NUL"), message);
    assertFalse(message.contains("b.bin"), message);
  }

  /** The byte tokenizer takes any bytes of a text file as they are. */
  @Test
  void bytesAreBytes() throws IOException {
    byte[] latin = latin1("caf\u00e9");
    data.write("a.txt", latin);
    try (TokenStore store = data.prepare(dataset("error", "a.txt"))) {
      int[] tokens = store.read(0, 4);
      assertEquals(0xE9, tokens[3]);
      assertEquals(List.of(), store.faults());
    }
  }
}
