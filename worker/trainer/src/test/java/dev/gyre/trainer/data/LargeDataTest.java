package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Memory does not grow with the size of files and documents or their number. Long tests use the
 * full sizes in a process of 2 GB; the other tests use 1/32 of the size and heap.
 */
final class LargeDataTest {
  private static final int SCALE = 32;
  private static final long HEAP_MB = 1024;
  private static final long PROCESS_MB = 2048;

  /** Memory of a JVM and its native libraries without any data. */
  private static final long BASE_MB = 300;

  private static final long TEXT_BYTES = 2L << 30;
  private static final long DOCUMENT_BYTES = 100L << 20;
  private static final long DOCUMENTS = 20_000_000;

  @TempDir Path folder;

  private Map<String, String> prepare(String kind, long size, String tokenizer, int row, int scale)
      throws Exception {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-Xmx" + HEAP_MB / scale + "m",
                "-DDJL_CACHE_DIR=" + folder,
                "-cp",
                System.getProperty("java.class.path"),
                PrepareLargeData.class.getName(),
                folder.toString(),
                kind,
                Long.toString(size / scale),
                tokenizer,
                Integer.toString(row))
            .redirectErrorStream(true)
            .start();
    List<String> said;
    try (var out = process.inputReader()) {
      said = out.lines().toList();
    }
    assertEquals(0, process.waitFor(), said::toString);
    System.out.println(kind + " 1/" + scale + ": " + said.getLast());
    String[] words = said.getLast().split(" ");
    Map<String, String> values = new HashMap<>();
    for (int i = 0; i < words.length; i += 2) {
      values.put(words[i], words[i + 1]);
    }
    long most = scale == 1 ? PROCESS_MB : BASE_MB + PROCESS_MB / scale;
    long peak = Long.parseLong(values.get("peakMB"));
    assertTrue(peak <= most, peak + " MB at the peak, the limit is " + most);
    return values;
  }

  private void text(int scale) throws Exception {
    Map<String, String> made = prepare("text", TEXT_BYTES, "bytes", 8192, scale);
    assertEquals("1", made.get("documents"));
    assertEquals(Long.toString(TEXT_BYTES / scale), made.get("tokens"));
    assertEquals("0.01000", made.get("held"));
  }

  private void document(int scale) throws Exception {
    try (InputStream in = LargeDataTest.class.getResourceAsStream("tokenizers/split-regex.json")) {
      assertNotNull(in);
      Files.copy(in, folder.resolve("tokenizer.json"));
    }
    Map<String, String> made = prepare("document", DOCUMENT_BYTES, "tokenizer.json", 8192, scale);
    assertEquals("1", made.get("documents"));
    assertEquals(Long.toString(DOCUMENT_BYTES / scale), made.get("textBytes"));
  }

  private void lines(int scale) throws Exception {
    Map<String, String> made = prepare("lines", DOCUMENTS, "bytes", 2048, scale);
    assertEquals(Long.toString(DOCUMENTS / scale), made.get("documents"));
  }

  @Test
  void aTextFileAtAThirtySecond() throws Exception {
    text(SCALE);
  }

  @Test
  void aDocumentWithATokenizerAtAThirtySecond() throws Exception {
    document(SCALE);
  }

  @Test
  void manyDocumentsAtAThirtySecond() throws Exception {
    lines(SCALE);
  }

  @Tag("long")
  @Test
  void aTextFileOf2GiB() throws Exception {
    text(1);
  }

  @Tag("long")
  @Test
  void aDocumentOf100MiBWithATokenizer() throws Exception {
    document(1);
  }

  @Tag("long")
  @Test
  void twentyMillionDocuments() throws Exception {
    lines(1);
  }
}
