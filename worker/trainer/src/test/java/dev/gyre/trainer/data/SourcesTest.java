package dev.gyre.trainer.data;

import static dev.gyre.trainer.data.DataFixture.contents;
import static dev.gyre.trainer.data.DataFixture.source;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.DatasetSpec.Source;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class SourcesTest {
  @TempDir Path folder;
  private DataFixture data;

  @BeforeEach
  void open() {
    data = new DataFixture(folder);
  }

  @Test
  void folderIsReadRecursivelyInNameOrder() throws IOException {
    data.write("docs/b.txt", "second");
    data.write("docs/a/z.txt", "first");
    data.write("docs/c.md", "left out by include");
    data.write("docs/.hidden.txt", "left out");
    data.write("docs/.git/config.txt", "left out");
    try (TokenStore store = data.prepare(source("docs", "**/*.txt"))) {
      assertEquals(List.of("a/z.txt=first", "b.txt=second"), contents(store));
      assertEquals(11, store.tokens());
      assertEquals(11, store.textBytes());
    }
  }

  @Test
  void globFindsFilesAndZipEntries() throws IOException {
    data.write("in/one/a.txt", "A");
    data.write("in/two/b.txt", "B");
    data.write("in/two/b.bin", "not matched");
    data.zip("in/z.zip", "x/e.java", "E", "x/e.html", "not included");
    try (TokenStore store =
        data.prepare(source("in/*/[ab].txt", ""), source("in/*.zip", "**/*.java"))) {
      assertEquals(List.of("one/a.txt=A", "two/b.txt=B", "z.zip!/x/e.java=E"), contents(store));
      assertEquals(1, store.source(2));
    }
  }

  @Test
  void zipEntriesAreDocuments() throws IOException {
    data.zip("s.zip", "m/B.java", "bb", "m/A.java", "a", "Top.java", "t", "m/readme", "no");
    try (TokenStore store = data.prepare(source("s.zip", "**/*.java"))) {
      assertEquals(List.of("Top.java=t", "m/A.java=a", "m/B.java=bb"), contents(store));
    }
  }

  @Test
  void filesOfAFolderAreOneDocumentIfAsked() throws IOException {
    data.write("src/a/B.java", "bb");
    data.write("src/a/C.java", "ccc");
    data.write("src/a/inner/A.java", "i");
    data.write("src/a/D.java", "");
    data.write("src/z.java", "top");
    Source joined = Source.of("src").with("join", "folder");
    try (TokenStore store = data.prepare(joined, source("src/z.java", ""))) {
      assertEquals(List.of("=top", "a/=bbccc", "a/inner/=i", "z.java=top"), contents(store));
      assertEquals(12, store.textBytes());
      assertEquals(1, store.source(3));
    }
  }

  @Test
  void aJoinedDocumentKeepsItsIdentityHoweverItsFilesAreCut() throws IOException {
    data.write("one/x/a", "same ");
    data.write("one/x/b", "text");
    Source joined = Source.of("one").with("join", "folder");
    String before;
    try (TokenStore store = data.prepare(joined)) {
      before = store.contentHash();
    }
    data.write("one/x/b", "tex!");
    try (TokenStore store = data.prepare(joined)) {
      assertNotEquals(before, store.contentHash());
    }
  }

  @Test
  void jsonlLinesAreDocuments() throws IOException {
    data.write(
        "d.jsonl", "{\"body\":\"one\"}\n\n{\"body\":\"zw\u00f6lf\",\"x\":1}\n{\"body\":\"\"}\n");
    try (TokenStore store = data.prepare(Source.of("d.jsonl").with("field", "body"))) {
      assertEquals(List.of("d.jsonl:1=one", "d.jsonl:3=zw\u00f6lf"), contents(store));
      assertEquals(1, count(store, ProblemKind.EMPTY));
    }
  }

  @Test
  void jsonlLongerThanABatchKeepsOrderAndLineNumbers() throws IOException {
    StringBuilder lines = new StringBuilder();
    int count = 3000;
    for (int i = 1; i <= count; i++) {
      lines.append("{\"text\":\"").append(DataFixture.text(i, 1000).replaceAll("[\"\\\\]", "_"));
      lines.append("\"}\n");
    }
    assertTrue(lines.length() > 2 * DocumentReader.BATCH_BYTES);
    data.write("d.jsonl", lines.toString());
    try (TokenStore store = data.prepare(source("d.jsonl", ""))) {
      assertEquals(count, store.documents());
      assertEquals("d.jsonl:2999", store.name(2998));
    }
    data.write("d.jsonl", lines + "{\"text\":");
    DataException e = assertThrows(DataException.class, () -> data.prepare(source("d.jsonl", "")));
    assertTrue(e.getMessage().contains("d.jsonl:3001: not JSON"), e.getMessage());
  }

  @Test
  void aByteOrderMarkIsNotPartOfTheFirstLine() throws IOException {
    data.write("d.jsonl", "\uFEFF{\"text\":\"one\"}\n");
    try (TokenStore store = data.prepare(source("d.jsonl", ""))) {
      assertEquals(List.of("d.jsonl:1=one"), contents(store));
    }
  }

  @Test
  void badJsonlNamesFileLineAndKeys() throws IOException {
    data.write("d.jsonl", "{\"text\":\"fine\"}\n{\"txet\":\"typo\",\"id\":3}\n");
    DataException e = assertThrows(DataException.class, () -> data.prepare(source("d.jsonl", "")));
    assertTrue(e.getMessage().contains("d.jsonl:2: no text in 'text'"), e.getMessage());
    assertTrue(e.getMessage().contains("[txet, id]"), e.getMessage());
    data.write("l.jsonl", "[1]\n");
    e = assertThrows(DataException.class, () -> data.prepare(source("l.jsonl", "")));
    assertTrue(e.getMessage().contains("l.jsonl:1: a JSON object is wanted"), e.getMessage());
  }

  @Test
  void binaryAndEmptyFilesAreSkippedAndCounted() throws IOException {
    data.write("docs/a.txt", "text");
    data.write("docs/b.class", new byte[] {(byte) 0xCA, (byte) 0xFE, 0, 1});
    data.write("docs/empty.txt", "");
    try (TokenStore store = data.prepare(source("docs", ""))) {
      assertEquals(List.of("a.txt=text"), contents(store));
      assertEquals(1, count(store, ProblemKind.BINARY));
      assertEquals(1, count(store, ProblemKind.EMPTY));
      assertEquals(2, store.faults().size());
    }
  }

  @Test
  void emptyLinesOfJsonAreCountedWithTheFirstPlace() throws IOException {
    data.write(
        "a.jsonl", "{\"text\":\"one\"}\n{\"text\":\"\"}\n{\"text\":\"two\"}\n{\"text\":\"\"}\n");
    data.write("none.jsonl", "");
    try (TokenStore store = data.prepare(source("a.jsonl", ""))) {
      assertEquals(2, store.documents());
      assertEquals(2, count(store, ProblemKind.EMPTY));
      assertTrue(store.faults().getFirst().first().contains("a.jsonl:2"), store.faults()::toString);
    }
  }

  @Test
  void dataOfEmptyDocumentsOnlyIsRefusedByName() throws IOException {
    data.write("lines.jsonl", "{\"text\":\"\"}\n{\"text\":\"\"}\n");
    data.write("docs/a.txt", "");
    data.write("docs/b.txt", "");
    data.write("docs/c.bin", new byte[] {0});
    data.write("none.jsonl", "");
    assertMessage(
        "no document is left of lines.jsonl (binary files: 0, empty documents: 2)",
        source("lines.jsonl", ""));
    assertMessage(
        "no document is left of docs (binary files: 1, empty documents: 2)", source("docs", ""));
    assertMessage("no document is left of none.jsonl (", source("none.jsonl", ""));
  }

  @Test
  void missingAndUnmatchedPathsAreNamed() throws IOException {
    data.write("docs/a.txt", "text");
    assertMessage("nope.txt: no such file or folder", source("nope.txt", ""));
    assertMessage("nothing matches docs with include '**/*.java'", source("docs", "**/*.java"));
    assertMessage("nothing matches docs/*.java", source("docs/*.java", ""));
    assertMessage("no folder", source("gone/*.java", ""));
    assertMessage("is never closed", source("docs", "[a"));
    data.write("bin/x", new byte[] {0});
    assertMessage(
        "no document is left of bin (binary files: 1, empty documents: 0)", source("bin", ""));
    assertFalse(
        Files.exists(data.cache()) && hasTemporary(), "a failed preparation left its folder");
  }

  private boolean hasTemporary() throws IOException {
    try (var files = Files.list(data.cache())) {
      return files.anyMatch(f -> f.getFileName().toString().startsWith(".tmp"));
    }
  }

  private static long count(TokenStore store, ProblemKind kind) {
    return store.faults().stream()
        .filter(fault -> fault.kind() == kind)
        .mapToLong(TextFault::documents)
        .sum();
  }

  private void assertMessage(String part, Source source) {
    DataException e = assertThrows(DataException.class, () -> data.prepare(source));
    assertTrue(e.getMessage().contains(part), e.getMessage());
  }

  @Test
  void jdkSourcesComeFromTheJdkOrElseTheProject() throws IOException {
    Files.createDirectories(folder.resolve("jdk/lib"));
    data.zip("jdk/lib/src.zip", "java.base/java/lang/Object.java", "class Object {}");
    data.write("project/src/A.java", "class A {}");
    data.write("project/README.md", "# A");
    data.write("project/target/B.java", "class B {}");
    DatasetSpec dataset = DataFixture.dataset("best-fit", 0, source("jdk:src.zip", "**/*.java"));
    List<String> notes = new ArrayList<>();
    PrepareListener listener =
        new PrepareListener() {
          @Override
          public void note(String line) {
            notes.add(line);
          }

          @Override
          public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {}
        };
    Path jdk = folder.resolve("jdk");
    Path project = folder.resolve("project");
    try (Tokenizer bytes = new ByteTokenizer()) {
      try (TokenStore store =
          DataPreparation.prepare(dataset, data.places(jdk, project), bytes, listener)) {
        assertEquals(List.of("java.base/java/lang/Object.java=class Object {}"), contents(store));
        assertEquals(List.of(), notes);
      }
      Path bare = folder.resolve("bare-jdk");
      try (TokenStore store =
          DataPreparation.prepare(dataset, data.places(bare, project), bytes, listener)) {
        assertEquals(List.of("README.md=# A", "src/A.java=class A {}"), contents(store));
        assertTrue(notes.getFirst().contains("this JDK has no"), notes.toString());
      }
      DataException e =
          assertThrows(
              DataException.class,
              () -> DataPreparation.prepare(dataset, data.places(bare, null), bytes, listener));
      assertTrue(e.getMessage().contains("install its sources"), e.getMessage());
    }
  }

  @Test
  void globs() {
    assertTrue(Glob.of("**/*.java").matches("A.java"));
    assertTrue(Glob.of("**/*.java").matches("a/b/A.java"));
    assertFalse(Glob.of("*.java").matches("a/A.java"));
    assertTrue(Glob.of("a/**").matches("a/b/c"));
    assertTrue(Glob.of("{a,b}/?.txt").matches("b/x.txt"));
    assertFalse(Glob.of("[!a].txt").matches("a.txt"));
    assertTrue(Glob.of("a+(b),c.txt").matches("a+(b),c.txt"));
    assertThrows(DataException.class, () -> Glob.of("{a"));
  }
}
