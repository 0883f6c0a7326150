package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

final class HfConfigTest {
  @TempDir Path folder;

  private static final String MIXTRAL =
      """
      {"architectures": ["MixtralForCausalLM"], "attention_dropout": 0.0, "bos_token_id": 1,
       "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02,
       "intermediate_size": 14336, "max_position_embeddings": 32768, "model_type": "mixtral",
       "num_attention_heads": 32, "num_experts_per_tok": 2, "num_hidden_layers": 32,
       "num_key_value_heads": 8, "num_local_experts": 8, "output_router_logits": false,
       "rms_norm_eps": 1e-05, "rope_theta": 1000000.0, "router_aux_loss_coef": 0.02,
       "sliding_window": null, "tie_word_embeddings": false, "torch_dtype": "bfloat16",
       "transformers_version": "4.36.0.dev0", "use_cache": true, "vocab_size": 32000}
      """;

  private static ObjectNode json(String text) {
    return (ObjectNode) JsonMapper.builder().build().readTree(text);
  }

  @Test
  void readsMixtral() {
    HfConfig config = HfConfig.parse(json(MIXTRAL));
    assertEquals(
        new ModelSpec(
            "mixtral",
            32000,
            4096,
            32,
            32,
            8,
            128,
            14336,
            8,
            2,
            1e-5,
            1e6,
            false,
            AttentionPattern.FULL,
            List.of(),
            0.02),
        config.model());
    assertEquals(1, config.warnings().size());
    assertTrue(config.warnings().getFirst().contains("train.balance-loss"), config.toString());
  }

  @Test
  void whatIsWrittenReadsBackAndKeepsTheRest() throws IOException {
    HfConfig config = HfConfig.parse(json(MIXTRAL));
    Path file = folder.resolve("config.json");
    HfConfig.write(config.model(), config.source(), file);
    HfConfig again = HfConfig.read(file);
    assertEquals(config.model(), again.model());
    assertEquals(0.02, again.source().path("router_aux_loss_coef").asDouble());
    assertEquals(1, again.source().path("bos_token_id").asInt());

    ModelSpec dense =
        new ModelSpec(
            "llama",
            300,
            64,
            3,
            4,
            2,
            24,
            96,
            0,
            0,
            1e-6,
            1e4,
            true,
            AttentionPattern.FULL,
            List.of(),
            0);
    HfConfig.write(dense, null, file);
    assertEquals(dense, HfConfig.read(file).model());
    ModelSpec mixed =
        new ModelSpec(
            "mixtral",
            300,
            64,
            3,
            4,
            2,
            24,
            96,
            4,
            1,
            1e-6,
            1e4,
            true,
            new AttentionPattern(List.of(LayerKind.FULL, LayerKind.SLIDING, LayerKind.FULL), 7),
            List.of(0, 2),
            0);
    HfConfig.write(mixed, null, file);
    assertEquals(mixed, HfConfig.read(file).model());
  }

  /**
   * They have no keys of Hugging Face's, so they have our own, and a line says who ignores them.
   */
  @Test
  void masksHaveKeysOfTheirOwn() throws IOException {
    Path file = folder.resolve("config.json");
    ObjectNode root = json(MIXTRAL);
    root.put("sliding_window", 9);
    root.put("gyre_attention_sinks", 4);
    root.put("gyre_anchor_token", true);
    root.put("gyre_prefix_length", 16);
    ModelSpec model = HfConfig.parse(root).model();
    assertEquals(new AttentionPattern(List.of(), 9, 4, true, 16), model.attention());
    HfConfig.write(model, null, file);
    assertEquals(model, HfConfig.read(file).model());
    String said = HfConfig.unknownToHuggingFace(model);
    for (String key :
        List.of("gyre_attention_sinks", "gyre_anchor_token", "gyre_prefix_length", "ignores")) {
      assertTrue(said.contains(key), said);
    }
    // A model without them is written without them, whatever it started from.
    ModelSpec plain = HfConfig.parse(json(MIXTRAL)).model();
    HfConfig.write(plain, root, file);
    assertEquals(plain, HfConfig.read(file).model());
    assertEquals("", HfConfig.unknownToHuggingFace(plain));
    root.putNull("sliding_window");
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains("model.attention_sinks"), message);
  }

  @Test
  void newerFilesKeepRopeInAnObject() {
    ObjectNode root = json(MIXTRAL);
    root.remove("rope_theta");
    root.set("rope_parameters", json("{\"rope_type\":\"default\",\"rope_theta\":500000.0}"));
    assertEquals(5e5, HfConfig.parse(root).model().ropeTheta());
    root.set("rope_parameters", json("{\"rope_type\":\"yarn\",\"rope_theta\":500000.0}"));
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains("rope_parameters"), message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "rope_scaling|{\"type\":\"yarn\"}",
        "hidden_act|\"gelu\"",
        "attention_bias|true",
        "attention_dropout|0.1",
        "router_jitter_noise|0.01",
        "model_type|\"qwen3_moe\"",
        "hidden_size|\"big\"",
        "hidden_size|0",
        "num_key_value_heads|5",
        "num_key_value_heads|null",
        "num_experts_per_tok|9",
        "vocab_size|null",
        "tie_word_embeddings|1",
        "mlp_only_layers|[40]",
        "n_group|8",
      })
  void aKeyThatIsNotImplementedIsAnErrorNamingIt(String key, String value) {
    ObjectNode root = json(MIXTRAL);
    root.set(key, JsonMapper.builder().build().readTree(value));
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains(key), message);
  }

  @Test
  void aFileThatIsNotAnObjectIsAnErrorNamingIt() throws IOException {
    for (String text : List.of("[]", "{", "")) {
      Path file = Files.writeString(folder.resolve("config.json"), text);
      String message = assertThrows(Invalid.class, () -> HfConfig.read(file)).toString();
      assertTrue(message.contains(file.toString()), message);
    }
  }
}
