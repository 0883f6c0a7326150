package dev.gyre.model.safetensors;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of several sets of weights in a folder, none is chosen without an error or a warning. */
final class WeightFilesTest {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";
  private static final String FIRST = "model-00001-of-00002.safetensors";
  private static final String SECOND = "model-00002-of-00002.safetensors";

  @TempDir Path folder;

  private void touch(String... names) throws IOException {
    for (String name : names) {
      Files.write(folder.resolve(name), new byte[8]);
    }
  }

  private void index(String... shards) throws IOException {
    StringBuilder map = new StringBuilder();
    for (int i = 0; i < shards.length; i++) {
      map.append(i == 0 ? "" : ", ").append("\"t%d\": \"%s\"".formatted(i, shards[i]));
    }
    Files.writeString(folder.resolve(INDEX), "{\"weight_map\": {" + map + "}}");
  }

  private String refused() {
    return assertThrows(SafetensorsException.class, () -> WeightFiles.choose(folder)).getMessage();
  }

  private void assertRefused(String problem) {
    String message = refused();
    assertTrue(message.contains(problem), message);
  }

  @Test
  void aSingleFileOrAllShards() throws IOException {
    touch(SINGLE);
    assertEquals(new WeightFiles(null, List.of()), WeightFiles.choose(folder));
    Files.delete(folder.resolve(SINGLE));
    touch(FIRST, SECOND);
    index(FIRST, SECOND);
    assertEquals(
        new WeightFiles(Map.of("t0", FIRST, "t1", SECOND), List.of()), WeightFiles.choose(folder));
    Files.delete(folder.resolve(FIRST));
    Files.delete(folder.resolve(SECOND));
    touch(SINGLE);
    index(SINGLE);
    assertEquals(
        new WeightFiles(Map.of("t0", SINGLE), List.of()), WeightFiles.choose(folder), "one set");
  }

  @Test
  void twoWholeSetsAreRefused() throws IOException {
    touch(SINGLE, FIRST, SECOND);
    index(FIRST, SECOND);
    assertRefused(
        "holds two sets of weights, model.safetensors and model-00001-of-00002.safetensors,"
            + " model-00002-of-00002.safetensors of model.safetensors.index.json; delete one");
    Files.delete(folder.resolve(SECOND));
    assertRefused("delete one: either model.safetensors, or the index with its shards");
  }

  /** The same choice as in the transformers library. */
  @Test
  void aStaleIndexLosesAgainstTheSingleFile() throws IOException {
    touch(SINGLE);
    index(FIRST, SECOND);
    WeightFiles chosen = WeightFiles.choose(folder);
    assertNull(chosen.shardOf());
    assertEquals(
        List.of(
            "model.safetensors is read; delete model.safetensors.index.json, whose shards are"
                + " not there: 2"),
        chosen.notes());
  }

  @Test
  void missingShardsAreCountedAndNamed() throws IOException {
    touch(FIRST);
    index(FIRST, SECOND, SECOND);
    assertRefused(
        INDEX
            + ": 1 of 2 shards in the index is missing: model-00002-of-00002.safetensors; download it"
            + " again");
    Files.delete(folder.resolve(FIRST));
    Files.createSymbolicLink(folder.resolve(FIRST), folder.resolve("gone"));
    assertRefused(
        "2 of 2 shards in the index are missing: " + FIRST + ", " + SECOND + "; download");
  }

  @Test
  void whatElseLiesThereIsNamed() throws IOException {
    touch(FIRST, SECOND, "model-00003-of-00003.safetensors", "pytorch_model.bin.index.json");
    touch("pytorch_model-00001-of-00002.bin", "adapter_model.safetensors", "optimizer.bin");
    touch("expected.safetensors", "tokenizer.json");
    index(FIRST, SECOND);
    assertEquals(
        List.of(
            "adapter_model.safetensors, a PEFT adapter, is not applied; merge it into the weights first",
            "the weights of the shards in model.safetensors.index.json are read,"
                + " model-00003-of-00003.safetensors, pytorch_model-00001-of-00002.bin,"
                + " pytorch_model.bin.index.json are not; delete what is old"),
        WeightFiles.choose(folder).notes());
  }

  @Test
  void aFolderWithoutSafetensorsSaysWhatItHolds() throws IOException {
    assertRefused("has neither model.safetensors nor model.safetensors.index.json");
    touch("pytorch_model.bin");
    assertRefused("holds pytorch_model.bin; save it as safetensors first");
    touch("llama.gguf");
    assertRefused("holds llama.gguf, pytorch_model.bin; save it as safetensors first");
    touch(FIRST);
    assertRefused("holds model-00001-of-00002.safetensors, but neither model.safetensors nor");
    touch("adapter_model.safetensors");
    assertRefused("holds a PEFT adapter alone; merge it into its base model first");
  }

  @Test
  void anIndexThatIsNoneIsRefused() throws IOException {
    touch(FIRST);
    for (Map.Entry<String, String> one :
        Map.of(
                "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n",
                "is a Git LFS pointer, not the file: git lfs pull",
                "{\"weight_map\": {\"a\": \"x\", \"a\": \"y\"}}",
                "is not JSON",
                "{\"weight_map\": {}}",
                "has no weight_map",
                "{\"weight_map\": {\"a\": 3}}",
                "has 3 as the shard of a",
                "{\"weight_map\": {\"a\": \"../x\"}}",
                "names a shard outside of its folder")
            .entrySet()) {
      Files.writeString(folder.resolve(INDEX), one.getKey());
      assertRefused(one.getValue());
    }
  }
}
