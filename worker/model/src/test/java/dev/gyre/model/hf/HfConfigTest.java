package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.MixerSpec.SoftmaxAttention;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
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

  private static void write(ModelSpec model, @Nullable ObjectNode keep, Path file)
      throws IOException {
    Files.writeString(file, HfConfigWriter.config(model, keep, 0).text());
  }

  private static ObjectNode json(String text) {
    return (ObjectNode) JsonMapper.builder().build().readTree(text);
  }

  @Test
  void readsMixtral() {
    HfConfig config = HfConfig.parse(json(MIXTRAL));
    assertEquals(
        new Decoder(new EmbeddingSpec(32000, 4096), 32, new HeadShape(32, 8, 128))
            .mlp(14336)
            .experts(8, 2)
            .ropeTheta(1e6)
            .initializerRange(0.02)
            .spec(),
        config.model());
    assertEquals(1, config.warnings().size());
    assertTrue(config.warnings().getFirst().contains("train.balance-loss"), config.toString());
  }

  @Test
  void whatIsWrittenReadsBackAndKeepsTheRest() throws IOException {
    HfConfig config = HfConfig.parse(json(MIXTRAL));
    Path file = folder.resolve("config.json");
    write(config.model(), config.source(), file);
    HfConfig again = HfConfig.read(file);
    assertEquals(config.model(), again.model());
    assertEquals(0.02, again.source().path("router_aux_loss_coef").asDouble());
    assertEquals(1, again.source().path("bos_token_id").asInt());

    ModelSpec dense =
        new Decoder(new EmbeddingSpec(300, 64), 3, new HeadShape(4, 2, 24))
            .mlp(96)
            .normEps(1e-6)
            .tied(true)
            .spec();
    write(dense, null, file);
    assertEquals(dense, HfConfig.read(file).model());
    ModelSpec mixed =
        new Decoder(new EmbeddingSpec(300, 64), 3, new HeadShape(4, 2, 24))
            .mlp(96)
            .experts(4, 1)
            .normEps(1e-6)
            .tied(true)
            .attention(
                new AttentionPattern(List.of(LayerKind.FULL, LayerKind.SLIDING, LayerKind.FULL), 7))
            .mlpOnly(List.of(0, 2))
            .spec();
    write(mixed, null, file);
    assertEquals(mixed, HfConfig.read(file).model());
  }

  /**
   * Hugging Face has no keys for these masks, so Gyre has its own, and a line says which class
   * ignores them.
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
    assertEquals(Map.of(LayerKind.SLIDING, new AttentionMask(9, 4, true, 16)), model.maskOfKind());
    write(model, null, file);
    assertEquals(model, HfConfig.read(file).model());
    String said = String.join("\n", HfConfigWriter.warnings(HfConfigWriter.config(model, null, 0)));
    for (String key :
        List.of(
            "gyre_attention_sinks",
            "gyre_anchor_token",
            "gyre_prefix_length",
            "MixtralForCausalLM ignores")) {
      assertTrue(said.contains(key), said);
    }
    assertFalse(said.contains("sliding_window"), said);
    // A config of other masks is not the one that a model started from.
    ModelSpec plain = HfConfig.parse(json(MIXTRAL)).model();
    assertThrows(Invalid.class, () -> HfConfigWriter.config(plain, root, 0));
    assertEquals(List.of(), HfConfigWriter.warnings(HfConfigWriter.config(plain, null, 0)));
    root.putNull("sliding_window");
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains("config.json: attention_sinks"), message);
  }

  private static final String LLAMA =
      """
      {"model_type": "llama", "vocab_size": 256, "hidden_size": 32, "num_hidden_layers": 2,
       "num_attention_heads": 4, "intermediate_size": 48, "num_local_experts": null}
      """;

  /**
   * Keys that the model's class ignores are ignored, and a line says so; Gyre's own keys are not.
   */
  @Test
  void aWindowOfLlamaIsIgnoredAsItsClassDoes() {
    ObjectNode root = json(LLAMA);
    root.put("sliding_window", 5);
    root.putArray("layer_types").add("full_attention").add("sliding_attention");
    HfConfig config = HfConfig.parse(root);
    assertEquals(Map.of(LayerKind.FULL, AttentionMask.CAUSAL), config.model().maskOfKind());
    assertEquals(2, config.warnings().size());
    assertTrue(
        config.warnings().get(0).startsWith("sliding_window 5 is ignored, as LlamaForCausal"));
    assertTrue(config.warnings().get(1).startsWith("layer_types is ignored, as LlamaForCausalLM"));
    root.put("gyre_sliding_window", 7);
    root.putArray("gyre_layer_types").add("sliding_attention").add("full_attention");
    assertEquals(
        Map.of(LayerKind.SLIDING, AttentionMask.window(7), LayerKind.FULL, AttentionMask.CAUSAL),
        HfConfig.parse(root).model().maskOfKind());
  }

  @Test
  void layersOfMixtralAllHaveItsWindow() {
    ObjectNode root = json(MIXTRAL);
    root.put("sliding_window", 9);
    root.put("num_hidden_layers", 2);
    root.putArray("layer_types").add("sliding_attention").add("sliding_attention");
    assertEquals(
        Map.of(LayerKind.SLIDING, AttentionMask.window(9)),
        HfConfig.parse(root).model().maskOfKind());
    root.putArray("layer_types").add("sliding_attention").add("full_attention");
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains("layer_types") && message.contains("gyre_layer_types"), message);
    root.remove("layer_types");
    root.put("gyre_sliding_window", 8);
    message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains("contradicts sliding_window 9"), message);
  }

  /**
   * A class without a window, or with one for all layers, must not get another under its own key.
   */
  @Test
  void whatAClassLacksIsWrittenUnderAnotherName() {
    ObjectNode llama = json(LLAMA);
    llama.put("gyre_sliding_window", 64);
    ModelSpec model = HfConfig.parse(llama).model();
    ObjectNode written = HfConfigWriter.config(model, null, 0).source();
    assertFalse(written.has("sliding_window") || written.has("layer_types"), written.toString());
    assertEquals(64, written.path("gyre_sliding_window").asInt());
    assertEquals(model, HfConfig.parse(written).model());
    assertEquals(
        List.of(
            "config.json has gyre_sliding_window, which LlamaForCausalLM ignores: in Hugging Face's"
                + " library the model attends without, and computes other outputs"),
        HfConfigWriter.warnings(HfConfigWriter.config(model, null, 0)));

    ObjectNode mixtral = json(MIXTRAL);
    mixtral.put("num_hidden_layers", 2);
    mixtral.put("gyre_sliding_window", 64);
    mixtral.putArray("gyre_layer_types").add("sliding_attention").add("full_attention");
    mixtral.putArray("mlp_only_layers").add(1);
    model = HfConfig.parse(mixtral).model();
    written = HfConfigWriter.config(model, null, 0).source();
    assertTrue(written.path("sliding_window").isNull(), written.toString());
    assertEquals(model, HfConfig.parse(written).model());
    List<String> warnings = HfConfigWriter.warnings(HfConfigWriter.config(model, null, 0));
    assertTrue(warnings.get(0).contains("gyre_sliding_window, gyre_layer_types"), "" + warnings);
    assertTrue(warnings.get(1).contains("mlp_only_layers [1]"), "" + warnings);
  }

  private static double theta(ObjectNode root) {
    return ((SoftmaxAttention) HfConfig.parse(root).model().mixer(0)).rope().theta();
  }

  @Test
  void aRopeThatScalesNothingIsRead() {
    ObjectNode root = json(MIXTRAL);
    root.set("rope_scaling", json("{\"rope_type\":\"default\",\"rope_theta\":1000000.0}"));
    assertEquals(1e6, theta(root));
    root.set("rope_scaling", json("{\"type\":\"linear\",\"factor\":1.0}"));
    assertEquals(1e6, theta(root));
    root.remove("rope_theta");
    root.set(
        "rope_parameters",
        json("{\"rope_type\":\"default\",\"rope_theta\":500000.0,\"factor\":null}"));
    assertEquals(5e5, theta(root));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "rope_parameters|{\"rope_type\":\"longrope\",\"factor\":4.0}|rope_parameters.rope_type: 'longrope'",
        "rope_scaling|{\"type\":\"dynamic\",\"factor\":2.0}|rope_scaling.type: 'dynamic'",
        "rope_scaling|{\"rope_type\":\"llama3\"}|rope_scaling.factor: is missing",
        "rope_scaling|{\"type\":\"yarn\",\"factor\":0.5}|config.json: rope_parameters.factor: 0.5",
        "rope_scaling|{\"type\":\"linear\",\"factor\":2.0,\"beta_fast\":3}|rope_scaling.beta_fast: 3",
        "rope_scaling|{\"rope_type\":\"default\",\"factor\":2}|rope_scaling.factor: 2",
        "rope_scaling|{\"rope_theta\":5.0}|5.0 contradicts the other rope_theta 1000000.0",
        "rope_scaling|\"yarn\"|must be an object or null",
      })
  void aRopeThatChangesTheModelIsNamedWithItsValue(String key, String value, String problem) {
    ObjectNode root = json(MIXTRAL);
    root.set(key, JsonMapper.builder().build().readTree(value));
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains(problem), message);
  }

  /** Values as programs write them in published folders. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "_attn_implementation_autoset|true",
        "_flash_attn_2_enabled|true",
        "_name_or_path|\"meta-llama/Llama-2-7b\"",
        "attn_implementation|\"flash_attention_2\"",
        "auto_map|null",
        "bos_token_id|null",
        "eos_token_id|[128001, 128009]",
        "dtype|\"bfloat16\"",
        "id2label|{\"0\": \"LABEL_0\"}",
        "is_llama_config|true",
        "label2id|{\"LABEL_0\": 0}",
        "max_sequence_length|2048",
        "num_experts|null",
        "output_hidden_states|false",
        "pad_token_id|-1",
        "partial_rotary_factor|1.0",
        "pretraining_tp|1",
        "problem_type|null",
        "pruned_heads|{}",
        "quantization_config|null",
        "return_dict|true",
        "rope_interleaved|false",
        "rope_scaling|null",
        "task_specific_params|null",
        "temperature|0.7",
        "transformers.js_config|{\"dtype\": \"q4\"}",
        "unsloth_fixed|true",
        "unsloth_version|\"2025.1.5\"",
        "use_cache|false",
        "use_sliding_window|false",
      })
  void aKeyThatChangesNothingIsIgnored(String key, String value) {
    for (String config : List.of(LLAMA, MIXTRAL)) {
      ObjectNode root = json(config);
      ModelSpec model = HfConfig.parse(root).model();
      root.set(key, JsonMapper.builder().build().readTree(value));
      assertEquals(model, HfConfig.parse(root).model());
    }
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "rope_scaling|{\"type\":\"su\"}",
        "hidden_act|\"gelu\"",
        "attention_bias|true",
        "attention_dropout|0.1",
        "router_jitter_noise|0.01",
        "model_type|\"phi3\"",
        "hidden_size|\"big\"",
        "hidden_size|0",
        "num_key_value_heads|5",
        "num_key_value_heads|null",
        "num_experts_per_tok|9",
        "vocab_size|null",
        "tie_word_embeddings|1",
        "mlp_only_layers|[40]",
        "n_group|8",
        "num_local_experts|0",
        "rope_interleaved|true",
        "partial_rotary_factor|0.5",
        "auto_map|{\"AutoModel\": \"modeling.Own\"}",
        "quantization_config|{\"load_in_4bit\": true}",
        "use_sliding_window|true",
      })
  void aKeyThatIsNotImplementedIsAnErrorNamingIt(String key, String value) {
    ObjectNode root = json(MIXTRAL);
    root.set(key, JsonMapper.builder().build().readTree(value));
    String message = assertThrows(Invalid.class, () -> HfConfig.parse(root)).toString();
    assertTrue(message.contains(key), message);
  }

  @Test
  void aByteOrderMarkBeforeTheJsonIsSkipped() throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), "\ufeff" + MIXTRAL);
    assertEquals(HfConfig.parse(json(MIXTRAL)).model(), HfConfig.read(file).model());
  }

  @Test
  void aFileThatIsNoConfigSaysWhatItIs() throws IOException {
    Path file = folder.resolve("config.json");
    Files.writeString(file, "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n");
    assertRefused(file, "config.json: is a Git LFS pointer, not the file: git lfs pull");
    Files.write(file, new byte[] {'{', (byte) 0xE9, '}'});
    assertRefused(file, "config.json: is not UTF-8");
    Files.writeString(file, "{\"vocab_size\": 3, \"vocab_size\": 4}");
    assertRefused(file, "vocab_size");
  }

  private static void assertRefused(Path file, String problem) {
    String message = assertThrows(Invalid.class, () -> HfConfig.read(file)).toString();
    assertTrue(message.contains(problem), message);
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
