package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

final class DataManifestTest {
  private static StoredFile file(String name, long bytes, String text) {
    return new StoredFile(0, name, bytes, text);
  }

  private static DataManifest of(StoredFile... files) {
    return new DataManifest(
        "3:x", "bytes", "invalid-text error", List.of("docs"), files.length, List.of(files));
  }

  @Test
  void whatDiffersIsNamed() {
    DataManifest run = of(file("a.txt", 3, "A"), file("b.txt", 4, "B"), file("c.txt", 5, "C"));
    assertEquals(List.of(), run.differences(run));
    assertEquals(
        List.of("b.txt had 4 bytes, has 6"),
        run.differences(of(file("a.txt", 3, "A"), file("b.txt", 6, "X"), file("c.txt", 5, "C"))));
    assertEquals(
        List.of("b.txt has other text of the same size"),
        run.differences(of(file("a.txt", 3, "A"), file("b.txt", 4, "X"), file("c.txt", 5, "C"))));
    assertEquals(
        List.of("b.txt is z.txt now, with the same text", "c.txt is missing", "d.txt is new"),
        run.differences(of(file("a.txt", 3, "A"), file("d.txt", 5, "D"), file("z.txt", 4, "B"))));
    assertEquals(
        List.of("a.txt is z.txt now, with the same text"),
        run.differences(of(file("b.txt", 4, "B"), file("c.txt", 5, "C"), file("z.txt", 3, "A"))));
  }

  @Test
  void settingsAndTheTokenizerAreNamed() {
    DataManifest run = of(file("a.txt", 3, "A"));
    DataManifest now =
        new DataManifest(
            "3:y", "other", "invalid-text skip", List.of("docs", "more"), 1, run.files());
    assertEquals(
        List.of(
            "the tokenizer is another one",
            "dataset keys: invalid-text error -> invalid-text skip",
            "sources: 1 -> 2"),
        run.differences(now));
  }
}
