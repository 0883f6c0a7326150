package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run stands on its own, and knows its data by content. */
final class RunDataTest {
  private static final String WORDS =
      """
      {"version": "1.0", "truncation": null, "padding": null, "normalizer": null,
       "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"}, "post_processor": null,
       "decoder": null,
       "model": {"type": "WordLevel", "unk_token": "?",
         "vocab": {"?": 0, "once": 1, "upon": 2, "a": 3, "time": 4}}}
      """;

  @TempDir Path folder;

  private Gyre.Ended gyre(Path in, String... arguments) throws Exception {
    return Gyre.run(in, List.of(arguments));
  }

  private Path job(String file) throws IOException {
    return Files.writeString(
        folder.resolve("job.yaml"),
        """
        name: story
        model: {model_type: llama, hidden_size: 32, num_hidden_layers: 1, num_attention_heads: 2}
        dataset: {train: [{path: %s}], tokenizer: tokenizer.json}
        train: {sequence-length: 64, batch-tokens: 64, steps: 2}
        mesh: {workers: 1}
        backend: vector
        checkpoint: {every: 0}
        """
            .formatted(file));
  }

  @Test
  void aRunIsUsedFromAnywhereAndGoesOnWithRenamedFiles() throws Exception {
    Files.writeString(folder.resolve("tokenizer.json"), WORDS);
    Files.writeString(folder.resolve("a.txt"), "once upon a time ".repeat(400));
    job("a.txt");
    Gyre.Ended trained = gyre(folder, "train", "job.yaml");
    assertEquals(0, trained.exit(), trained.output());

    Path elsewhere = Files.createDirectory(folder.resolve("elsewhere"));
    Path original = folder.resolve("tokenizer.json");
    Path aside = Files.move(original, folder.resolve("aside.json"));
    String run = folder.resolve("runs/story").toString();
    Gyre.Ended said = gyre(elsewhere, "generate", run, "once", "--tokens", "3");
    assertEquals(0, said.exit(), said.output());
    Gyre.Ended exported = gyre(elsewhere, "checkpoint", "export", run, "--hf", "out");
    assertEquals(0, exported.exit(), exported.output());
    assertEquals(WORDS, Files.readString(elsewhere.resolve("out/tokenizer.json")));
    Files.move(aside, original);

    Files.move(folder.resolve("a.txt"), folder.resolve("b.txt"));
    job("b.txt");
    Gyre.Ended resumed = gyre(folder, "train", "job.yaml", "--resume", "--set", "train.steps=4");
    assertEquals(0, resumed.exit(), resumed.output());
    assertTrue(
        resumed.output().contains("a.txt is b.txt now, with the same text"), resumed.output());

    Files.writeString(folder.resolve("b.txt"), "once upon a time ".repeat(401));
    Gyre.Ended refused = gyre(folder, "train", "job.yaml", "--resume", "--set", "train.steps=6");
    assertEquals(64, refused.exit(), refused.output());
    assertTrue(refused.output().contains("a.txt is missing"), refused.output());
    assertTrue(refused.output().contains("b.txt is new"), refused.output());
    assertTrue(refused.output().contains("Put the data back"), refused.output());
  }
}
