package dev.gyre.deploy.command.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.Cli;
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
    // 70 = 32 + 32 + 6 tokens, and 4 fit beside the 6; only each document's last token has no
    // label.
    assertTrue(shown.out().contains("3 rows, 74 tokens, 72 labels"), shown::toString);
    assertTrue(shown.out().contains("CUT at its end: 0-31 of 70"), shown::toString);
    assertTrue(shown.out().contains("CUT at both ends: 32-63 of 70"), shown::toString);
    assertTrue(shown.out().contains("6 tokens, 5 labels   CUT at its start"), shown::toString);
    assertTrue(shown.out().contains("4 tokens, 3 labels\n  | tiny"), shown::toString);

    Cli one = Cli.run("data", "inspect", job, "--chars", "0");
    assertTrue(one.out().contains("2 more: --rows 3"), one::toString);
    assertTrue(!one.out().contains("  | "), one::toString);
  }

  private Path job(String dataset, String more) throws IOException {
    return Files.writeString(
        folder.resolve("job.yaml"),
        "dataset: {train: [{path: \"%s\"}], %s}\n%s"
            .formatted(folder.resolve("docs"), dataset, more));
  }

  private void document(String name, String text) throws IOException {
    Files.createDirectories(folder.resolve("docs"));
    Files.writeString(folder.resolve("docs").resolve(name), text);
  }

  /** Reports the share of tokens that are held out, not the requested share. */
  @Test
  void prepareSaysWhatIsHeldOut() throws IOException {
    document("big.txt", "0123456789".repeat(9000));
    document("small.txt", "0123456789".repeat(18));
    Path job = job("holdout: 1%", "train: {sequence-length: 256, seed: 2}\n");
    Cli prepared = Cli.run("data", "prepare", job);
    assertEquals(0, prepared.exit(), prepared::toString);
    assertTrue(prepared.out().contains(", 1.0 % held out;"), prepared::toString);
    assertTrue(prepared.out().contains(" rows, 1.0 % of the tokens"), prepared::toString);
  }

  @Test
  void textThatCannotBeUsedIsABadJobUnlessItIsAllowed() throws IOException {
    document("a.txt", "fine");
    document("b.jsonl", "{\"text\":\"good\"}\n{\"text\":null}\n");
    Path job = job("holdout: 0", "train: {sequence-length: 4}\n");
    Cli refused = Cli.run("data", "prepare", job);
    assertEquals(64, refused.exit(), refused::toString);
    assertTrue(
        refused.err().contains("b.jsonl:2: 'text' is null, not a string"), refused::toString);
    Cli allowed = Cli.run("data", "prepare", job, "--set", "dataset.invalid-text=skip");
    assertEquals(0, allowed.exit(), allowed::toString);
    assertTrue(allowed.out().contains("1 left out"), allowed::toString);
    assertTrue(allowed.out().contains("b.jsonl:2: 'text' is null"), allowed::toString);
  }

  /** Refused before a worker starts, with the reason. */
  @Test
  void dataWithoutALabelIsRefused() throws IOException {
    for (int d = 0; d < 30; d++) {
      document(d + ".txt", "x");
    }
    Path job = job("holdout: 0", "train: {sequence-length: 16}\nmesh: {workers: 1}\n");
    Cli bytes = Cli.run("train", job, "--runs", folder.resolve("runs"));
    assertEquals(64, bytes.exit(), bytes::toString);
    assertTrue(bytes.err().contains("no token has a label"), bytes::toString);
    assertTrue(bytes.err().contains("every document has a single token"), bytes::toString);
    for (int d = 0; d < 30; d++) {
      document(d + ".txt", "twenty bytes of text");
    }
    Cli prefix =
        Cli.run(
            "train",
            job,
            "--runs",
            folder.resolve("runs"),
            "--set",
            "model={model_type: llama, hidden_size: 32, num_hidden_layers: 1, prefix_length: 64}",
            "--set",
            "train.sequence-length=64");
    assertEquals(64, prefix.exit(), prefix::toString);
    assertTrue(prefix.err().contains("model.prefix_length 64"), prefix::toString);
    assertFalse(Files.exists(folder.resolve("runs")), "a run was started");
  }
}
