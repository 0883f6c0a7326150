package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.model.RopeScaling.Yarn;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * From a Hugging Face folder to a run of two processes with another rope, on after a resume, and
 * out again in the same family.
 */
final class LoadedModelTest {
  private static final String COMMON =
      """
      "vocab_size": 2048, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
      "intermediate_size": 48, "max_position_embeddings": 64, "rope_theta": 10000.0,
      """;

  private static final String GPT_OSS =
      """
      "model_type": "gpt_oss", "num_key_value_heads": 2, "head_dim": 8, "num_local_experts": 4,
      "num_experts_per_tok": 2, "sliding_window": 16, "rope_scaling": {"rope_type": "default"}
      """;

  private static final String DEEPSEEK =
      """
      "model_type": "deepseek_v3", "num_key_value_heads": 4, "q_lora_rank": 12, "kv_lora_rank": 10,
      "qk_nope_head_dim": 6, "qk_rope_head_dim": 4, "v_head_dim": 6, "n_routed_experts": 8,
      "n_group": 4, "topk_group": 2, "num_experts_per_tok": 3, "first_k_dense_replace": 1,
      "moe_intermediate_size": 24
      """;

  @TempDir private Path folder;

  @ParameterizedTest
  @ValueSource(strings = {GPT_OSS, DEEPSEEK})
  void trainsResumesAndGoesOutAgain(String keys) throws Exception {
    Workplace place = Workplace.in(folder);
    Path model = Files.createDirectories(folder.resolve("model"));
    Files.writeString(model.resolve("config.json"), "{" + COMMON + keys + "}");
    Files.writeString(model.resolve("chat_template.jinja"), "{{ messages }}");
    HfConfig config = HfConfig.read(model.resolve("config.json"));
    writeWeights(config, model.resolve("model.safetensors"));
    Path job = folder.resolve("loaded.yaml");
    Files.writeString(
        job,
        """
        model: {from: %s, rope: {type: yarn, factor: 4}}
        dataset: {train: [{path: text}], holdout: 0}
        train: {sequence-length: 256, steps: 2, dtype: f32}
        mesh: {ring: 2}
        backend: vector
        """
            .formatted(model));
    String name = place.name() + "-loaded";

    Gyre.Ended ended = Gyre.run(folder, "train", job.toString(), "--name", name);
    assertEquals(0, ended.exit(), ended.output());
    Says.all(ended, "model.rope: theta 10,000, yarn × 4.0 of 64 tokens in place of", "not scaled");
    ended =
        Gyre.run(
            folder,
            List.of("train", job.toString(), "--resume", "--run", name, "--set", "train.steps=3"));
    assertEquals(0, ended.exit(), ended.output());

    Path out = folder.resolve("out");
    ended =
        Gyre.run(
            folder,
            List.of(
                "checkpoint",
                "export",
                name,
                "--hf",
                out.toString(),
                "--dtype",
                "bf16",
                "--max-shard-size",
                "0.0002"));
    assertEquals(0, ended.exit(), ended.output());
    assertTrue(Files.exists(out.resolve("model.safetensors.index.json")));
    assertEquals("{{ messages }}", Files.readString(out.resolve("chat_template.jinja")));
    HfConfig written = HfConfig.read(out.resolve("config.json"));
    assertEquals(config.source().path("model_type"), written.source().path("model_type"));
    assertEquals(256, written.source().path("max_position_embeddings").asInt());
    assertTrue(
        written.model().rotations().iterator().next().rope().scaling() instanceof Yarn,
        out::toString);
    try (HfWeights weights = HfWeights.open(out, written.model())) {
      weights.requireFinite();
    }
  }

  private static void writeWeights(HfConfig config, Path file) throws IOException {
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (FileTensor tensor : config.tensors().files()) {
      entries.add(new SafetensorsWriter.Entry(tensor.name(), "F32", tensor.shape()));
    }
    Random random = new Random(5);
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of())) {
      for (FileTensor tensor : config.tensors().files()) {
        MemorySegment values = arena.allocate(ValueLayout.JAVA_FLOAT, tensor.elements());
        for (long i = 0; i < tensor.elements(); i++) {
          values.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (0.1 * random.nextGaussian()));
        }
        writer.write(tensor.name(), 0, values);
      }
    }
  }
}
