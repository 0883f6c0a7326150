package dev.gyre.model.hf;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.model.safetensors.SafetensorsWriter;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling.Yarn;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Each family's config: what must be there, what must not, and which tensors belong to it. */
final class FamiliesConfigTest {
  private static final String SIZES =
      "\"vocab_size\": 40, \"hidden_size\": 24, \"num_hidden_layers\": 2,"
          + " \"num_attention_heads\": 4, \"intermediate_size\": 28";

  /** Keys of each family without which there is no model, besides {@link #SIZES}. */
  private static final Map<String, String> FAMILIES =
      Map.of(
          "llama", "",
          "mistral", "\"num_key_value_heads\": 2",
          "mixtral",
              "\"num_key_value_heads\": 2, \"num_local_experts\": 4, \"num_experts_per_tok\": 2",
          "qwen2", "\"num_key_value_heads\": 2",
          "qwen3", "\"num_key_value_heads\": 2",
          "qwen3_moe",
              "\"num_key_value_heads\": 2, \"num_local_experts\": 4, \"num_experts_per_tok\": 2,"
                  + " \"moe_intermediate_size\": 12",
          "olmoe", "\"num_local_experts\": 4, \"num_experts_per_tok\": 2",
          "gpt_oss",
              "\"num_key_value_heads\": 2, \"num_local_experts\": 4, \"num_experts_per_tok\": 2",
          "deepseek_v3",
              "\"num_key_value_heads\": 4, \"q_lora_rank\": 12, \"kv_lora_rank\": 10, \"qk_nope_head_dim\": 6,"
                  + " \"qk_rope_head_dim\": 4, \"v_head_dim\": 6, \"n_routed_experts\": 16,"
                  + " \"moe_intermediate_size\": 12");

  @TempDir Path folder;

  static List<String> families() {
    return FAMILIES.keySet().stream().sorted().toList();
  }

  private static ObjectNode config(String family) {
    String own = FAMILIES.getOrDefault(family, "");
    String text = own.isEmpty() ? SIZES : SIZES + ", " + own;
    return json("{\"model_type\": \"%s\", %s}".formatted(family, text));
  }

  private static ObjectNode json(String text) {
    return (ObjectNode) JsonMapper.shared().readTree(text);
  }

  private static String refused(ObjectNode config) {
    return assertThrows(Invalid.class, () -> HfConfig.parse(config), config::toString).getMessage();
  }

  @ParameterizedTest
  @MethodSource("families")
  void everyKeyThatIsMissingIsNamed(String family) {
    ObjectNode whole = config(family);
    if (family.equals("deepseek_v3")) {
      whole.put("first_k_dense_replace", 1); // a dense layer, and one with experts
    }
    if (family.equals("qwen3_moe")) {
      whole.put("decoder_sparse_step", 2);
    }
    HfConfig.parse(whole);
    for (String key : config(family).propertyNames()) {
      if (!key.equals("model_type")) {
        ObjectNode config = whole.deepCopy();
        config.remove(key);
        assertEquals("config.json: " + key + ": is missing", refused(config));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void aKeyThatIsNotKnownIsNamed(String family) {
    ObjectNode config = config(family);
    config.put("attention_flavour", 1);
    String message = refused(config);
    assertTrue(
        message.startsWith("config.json: attention_flavour: 1: not a known key of " + family),
        message);
    for (String key : config(family).propertyNames()) {
      assertTrue(message.contains(key), key + " in " + message);
    }
  }

  @ParameterizedTest
  @MethodSource("families")
  void quantizedWeightsAreRefused(String family) {
    ObjectNode config = config(family);
    config.putObject("quantization_config").put("quant_method", "fp8");
    String message = refused(config);
    assertTrue(
        message.startsWith("config.json: quantization_config: {\"quant_method\":\"fp8\"}"),
        message);
    assertTrue(message.contains("dequantize them"), message);
  }

  @Test
  void anotherFamilyIsRefusedNamingAll() {
    ObjectNode config = config("llama");
    config.put("model_type", "phi3");
    String message = refused(config);
    assertTrue(message.startsWith("config.json: model_type: 'phi3' is not supported"), message);
    for (String family : families()) {
      assertTrue(message.contains(family), message);
    }
    config.remove("model_type");
    assertTrue(refused(config).startsWith("config.json: model_type: is missing"));
  }

  /** Keys of published folders, and what their null means. */
  @Test
  void keysOfPublishedFolders() {
    for (String family : List.of("qwen2", "qwen3", "qwen3_moe")) {
      ObjectNode config = config(family);
      ModelSpec plain = HfConfig.parse(config).model();
      config.put("use_mrope", false);
      config.put("shared_expert_intermediate_size", 0);
      if (!family.equals("qwen2")) {
        config.put("use_qk_norm", true);
      }
      config.set("rope_scaling", config.objectNode());
      assertEquals(plain, HfConfig.parse(config).model());
      config.put("use_mrope", true);
      assertTrue(refused(config).contains("use_mrope"));
    }
    ObjectNode oss = config("gpt_oss");
    oss.putNull("sliding_window");
    assertTrue(refused(oss).startsWith("config.json: sliding_window: "), refused(oss));
    ObjectNode deepseek = config("deepseek_v3");
    deepseek.put("norm_topk_prob", true);
    deepseek.put("first_k_dense_replace", 1);
    MixtureOfExperts normed = mixture(deepseek);
    deepseek.putNull("norm_topk_prob");
    assertFalse(normed.equals(mixture(deepseek)));
    deepseek.putNull("n_group");
    assertEquals("config.json: n_group: is null, and must be a whole number", refused(deepseek));
    ObjectNode olmoe = config("olmoe");
    olmoe.put("clip_qkv", 0.0);
    assertTrue(refused(olmoe).startsWith("config.json: clip_qkv: "), refused(olmoe));
    olmoe.putNull("clip_qkv");
    olmoe.put("num_experts", 5);
    assertTrue(refused(olmoe).startsWith("config.json: num_experts: 5 contradicts"));
  }

  private static MixtureOfExperts mixture(ObjectNode config) {
    ModelSpec model = HfConfig.parse(config).model();
    return (MixtureOfExperts) model.feedForward(model.depth() - 1);
  }

  /** A tied head is no tensor of its own; a copy of the embedding may be in the file. */
  @ParameterizedTest
  @MethodSource("families")
  void aTiedHead(String family) throws IOException {
    ObjectNode config = config(family);
    config.put("tie_word_embeddings", true);
    HfConfig read = HfConfig.parse(config);
    assertTrue(read.model().head().tied());
    assertFalse(names(read.tensors()).contains(HfNames.HEAD));
    TensorMap untied = read.tensors(read.model().withTiedHead(false));
    assertTrue(names(untied).contains(HfNames.HEAD));
    write(config, untied.files());
    HfFolder tied = HfFolder.read(folder, null, Map.of());
    assertEquals(new HfFolder(read.model(), read.warnings()).model(), tied.model());
    HfWeights.open(folder, tied.model()).close();
  }

  /** Files hold tensors that no class reads: layers for further tokens, rope's frequencies. */
  @Test
  void tensorsThatTheModelDoesNotNeed() throws IOException {
    ObjectNode config = config("deepseek_v3");
    config.put("num_nextn_predict_layers", 1);
    HfConfig read = HfConfig.parse(config);
    List<FileTensor> tensors = new ArrayList<>(read.tensors().files());
    tensors.add(new FileTensor("model.layers.2.eh_proj.weight", 24, 48));
    tensors.add(new FileTensor("model.layers.2.mlp.experts.0.gate_proj.weight", 12, 24));
    tensors.add(new FileTensor("model.layers.0.self_attn.rotary_emb.inv_freq", 2));
    write(config, tensors);
    HfWeights.open(folder, read.model()).close();
    Files.delete(folder.resolve("model.safetensors"));
    tensors.add(new FileTensor("model.layers.1.eh_proj.weight", 24, 48));
    write(config, tensors);
    Invalid e = assertThrows(Invalid.class, () -> HfWeights.open(folder, read.model()).close());
    assertTrue(e.getMessage().contains("holds model.layers.1.eh_proj.weight"), e.getMessage());
  }

  private static List<String> names(TensorMap map) {
    return map.files().stream().map(FileTensor::name).toList();
  }

  /** Weights that are all zero. */
  private void write(ObjectNode config, Iterable<FileTensor> tensors) throws IOException {
    Files.writeString(folder.resolve("config.json"), config.toString());
    List<SafetensorsWriter.Entry> entries = new ArrayList<>();
    for (FileTensor tensor : tensors) {
      entries.add(new SafetensorsWriter.Entry(tensor.name(), "F32", tensor.shape()));
    }
    Path file = folder.resolve("model.safetensors");
    try (Arena arena = Arena.ofConfined();
        SafetensorsWriter writer = SafetensorsWriter.create(file, entries, Map.of())) {
      for (FileTensor tensor : tensors) {
        writer.write(tensor.name(), 0, arena.allocate(tensor.elements() * Float.BYTES));
      }
    }
  }

  private static Yarn yarn(ObjectNode config) {
    MixerSpec mixer = HfConfig.parse(config).model().mixer(0);
    return (Yarn) ((MixerSpec.Softmax) mixer).rope().scaling();
  }

  /** What a file leaves out follows from the rest, as in transformers. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '~',
      value = {
        "\"factor\": 40.0|4096|1.3688879454113936|1",
        "\"factor\": 40.0, \"mscale\": 0.7|4096|1.3688879454113936|1",
        "\"factor\": 40.0, \"mscale\": 0.7, \"mscale_all_dim\": 1.3|4096|0.8504057857806258|2.189081012565652",
        "\"factor\": 40.0, \"mscale\": 1.0, \"mscale_all_dim\": 1.0|4096|1|1.8738542070926265",
        "\"factor\": 40.0, \"attention_factor\": 0.75, \"mscale\": 1.0|4096|0.75|1",
        "\"mscale\": 0.7|16384|1.1386294361119891|1",
      })
  void factorsOfYarn(String keys, int positions, double attention, double latent) {
    ObjectNode config = config("deepseek_v3");
    config.put("max_position_embeddings", positions);
    config.set(
        "rope_scaling",
        json("{\"type\": \"yarn\", \"original_max_position_embeddings\": 4096, " + keys + "}"));
    assertEquals(attention, yarn(config).attentionFactor(), 1e-12);
    assertEquals(latent, yarn(config).latentScoreFactor(), 1e-12);
  }

  @Test
  void gptOssWithoutRopeHasItsClassesOwn() {
    assertEquals(
        new Yarn(32, 4096, 32, 1, false, Yarn.usualAttentionFactor(32), 0),
        yarn(config("gpt_oss")));
  }

  /** Qwen's window counts from {@code max_window_layers} on, and only if it is used. */
  @Test
  void theWindowOfQwen() {
    ObjectNode config = config("qwen2");
    config.put("sliding_window", 9).put("max_window_layers", 1);
    assertEquals(0, layers(config, LayerKind.SLIDING));
    config.put("use_sliding_window", true);
    assertEquals(1, layers(config, LayerKind.SLIDING));
    assertEquals(9, window(config, 1));
    config.put("max_window_layers", 28);
    assertEquals(0, layers(config, LayerKind.SLIDING));
    config.putArray("layer_types").add("sliding_attention").add("full_attention");
    assertEquals(9, window(config, 0));
    assertEquals(1, layers(config, LayerKind.SLIDING));
  }

  private static int window(ObjectNode config, int layer) {
    MixerSpec mixer = HfConfig.parse(config).model().mixer(layer);
    return ((MixerSpec.Softmax) mixer).mask().window();
  }

  private static int layers(ObjectNode config, LayerKind kind) {
    ModelSpec model = HfConfig.parse(config).model();
    return model.layers(kind);
  }
}
