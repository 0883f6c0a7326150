package dev.gyre.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DataCommandsTest {
  @TempDir Path folder;

  @Test
  void inspectShowsEveryDocumentOnceAndWhereOneIsCut() throws IOException {
    Files.writeString(folder.resolve("long.txt"), "0123456789".repeat(7));
    Files.writeString(folder.resolve("short.txt"), "tiny");
    Path job =
        Files.writeString(
            folder.resolve("job.yaml"),
            """
            dataset: {train: [{path: "%s", include: "*.txt"}], holdout: 0}
            train: {sequence-length: 32, batch-tokens: 96}
            """
                .formatted(folder));
    Cli prepared = Cli.run("data", "prepare", job);
    assertEquals(0, prepared.exit(), prepared::toString);
    assertTrue(prepared.out().contains("2 documents"), prepared::toString);
    assertTrue(prepared.out().contains("3 rows of 32 tokens"), prepared::toString);

    Cli shown = Cli.run("data", "inspect", job, "--rows", "3", "--chars", "-1");
    assertEquals(0, shown.exit(), shown::toString);
    // 70 = 32 + 32 + 6 tokens, and 4 fit beside the last; all have labels but each document's last.
    assertTrue(shown.out().contains("3 rows, 74 tokens, 72 labels"), shown::toString);
    assertTrue(shown.out().contains("CUT at its end: 0-31 of 70"), shown::toString);
    assertTrue(shown.out().contains("CUT at both ends: 32-63 of 70"), shown::toString);
    assertTrue(shown.out().contains("6 tokens, 5 labels   CUT at its start"), shown::toString);
    assertTrue(shown.out().contains("4 tokens, 3 labels\n  | tiny"), shown::toString);

    Cli one = Cli.run("data", "inspect", job, "--chars", "0");
    assertTrue(one.out().contains("2 more: --rows 3"), one::toString);
    assertTrue(!one.out().contains("  | "), one::toString);
  }
}
