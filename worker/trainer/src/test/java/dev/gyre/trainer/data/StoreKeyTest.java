package dev.gyre.trainer.data;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

final class StoreKeyTest {
  private static final int KEY_BYTES = 12;

  private static String digestOf(List<String> strings) throws Exception {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (String one : strings) {
      digest.update(one.getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0);
    }
    return HexFormat.of().formatHex(digest.digest(), 0, KEY_BYTES);
  }

  /** Prepared data of earlier builds is found: their keys are digests string by string. */
  @Test
  void isTheDigestOfTheStringsEachWithATerminator() throws Exception {
    List<String> strings =
        List.of("a", "", "ä€", "x".repeat(40_000), "cut \uD83D", "\uDE00 pair", "y".repeat(70_000));
    StoreKey key = new StoreKey();
    strings.forEach(key::add);
    assertEquals(digestOf(strings), key.text());
  }

  @Test
  void aFileAddsItsNamePlaceAndVersion() throws Exception {
    Path root = Path.of("/data/./text");
    SourceFile.Place text = new SourceFile.Place(0, root, "", "text", false);
    SourceFile.Place zip = new SourceFile.Place(1, root.resolve("a.zip"), "a.zip!/", "body", true);
    StoreKey key = new StoreKey();
    key.add(new SourceFile(text, false, "b.txt", 5, 77));
    key.add(new SourceFile(zip, true, "c.JSONL", -1, 99));
    assertEquals(
        digestOf(
            List.of(
                "0 b.txt",
                "/data/text",
                "",
                "",
                "5 77",
                "1 a.zip!/c.JSONL",
                "/data/text/a.zip",
                "body",
                "joined",
                "-1 99")),
        key.text());
  }
}
