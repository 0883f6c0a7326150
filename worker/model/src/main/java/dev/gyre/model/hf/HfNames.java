package dev.gyre.model.hf;

import dev.gyre.partitioning.model.TensorNames;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Hugging Face names of a decoder's weights, from ours. */
public final class HfNames {
  static final String EMBEDDING = "model.embed_tokens.weight";
  static final String HEAD = "lm_head.weight";

  private static final Pattern LAYER = Pattern.compile("layers\\.(\\d+)\\.(.+)");
  private static final Pattern EXPERT =
      Pattern.compile("feed_forward\\.experts\\.(\\d+)\\.(gate|up|down)");

  private static final Map<String, String> OUTSIDE =
      Map.of(
          TensorNames.EMBEDDING, EMBEDDING,
          TensorNames.FINAL_NORM, "model.norm.weight",
          TensorNames.HEAD, HEAD);

  /** Decoders without experts. */
  static final HfNames DENSE =
      new HfNames(
          Map.ofEntries(
              Map.entry("mixer.norm", "input_layernorm.weight"),
              Map.entry("mixer.query", "self_attn.q_proj.weight"),
              Map.entry("mixer.query_bias", "self_attn.q_proj.bias"),
              Map.entry("mixer.query_norm", "self_attn.q_norm.weight"),
              Map.entry("mixer.key", "self_attn.k_proj.weight"),
              Map.entry("mixer.key_bias", "self_attn.k_proj.bias"),
              Map.entry("mixer.key_norm", "self_attn.k_norm.weight"),
              Map.entry("mixer.value", "self_attn.v_proj.weight"),
              Map.entry("mixer.value_bias", "self_attn.v_proj.bias"),
              Map.entry("mixer.output", "self_attn.o_proj.weight"),
              Map.entry("mixer.output_bias", "self_attn.o_proj.bias"),
              Map.entry("feed_forward.norm", "post_attention_layernorm.weight"),
              Map.entry("feed_forward.gate", "mlp.gate_proj.weight"),
              Map.entry("feed_forward.gate_bias", "mlp.gate_proj.bias"),
              Map.entry("feed_forward.up", "mlp.up_proj.weight"),
              Map.entry("feed_forward.up_bias", "mlp.up_proj.bias"),
              Map.entry("feed_forward.down", "mlp.down_proj.weight"),
              Map.entry("feed_forward.down_bias", "mlp.down_proj.bias")),
          "",
          Map.of());

  /** Decoders with experts, each in tensors of its own. */
  static final HfNames EXPERTS =
      DENSE.with(
          Map.of("feed_forward.router", "mlp.gate.weight"),
          "mlp.experts",
          Map.of("gate", "gate_proj", "up", "up_proj", "down", "down_proj"));

  static final HfNames MIXTRAL =
      DENSE.with(
          Map.of(
              "feed_forward.router",
              "block_sparse_moe.gate.weight",
              // No Hugging Face class has it: only checkpoints of earlier builds use this name.
              "mixer.output_norm",
              "self_attn.norm.weight"),
          "block_sparse_moe.experts",
          Map.of("gate", "w1", "up", "w3", "down", "w2"));

  static final HfNames GPT_OSS =
      DENSE.with(
          Map.ofEntries(
              Map.entry("mixer.sink_logits", "self_attn.sinks"),
              Map.entry("feed_forward.router", "mlp.router.weight"),
              Map.entry("feed_forward.router_bias", "mlp.router.bias"),
              Map.entry("feed_forward.experts.gate", "mlp.experts.gate_up_proj"),
              Map.entry("feed_forward.experts.up", "mlp.experts.gate_up_proj"),
              Map.entry("feed_forward.experts.down", "mlp.experts.down_proj"),
              Map.entry("feed_forward.experts.gate_bias", "mlp.experts.gate_up_proj_bias"),
              Map.entry("feed_forward.experts.up_bias", "mlp.experts.gate_up_proj_bias"),
              Map.entry("feed_forward.experts.down_bias", "mlp.experts.down_proj_bias")),
          "",
          Map.of());

  static final HfNames DEEPSEEK =
      EXPERTS.with(
          Map.ofEntries(
              Map.entry("mixer.query_down", "self_attn.q_a_proj.weight"),
              Map.entry("mixer.query_down_bias", "self_attn.q_a_proj.bias"),
              Map.entry("mixer.query_latent_norm", "self_attn.q_a_layernorm.weight"),
              Map.entry("mixer.key_value_down", "self_attn.kv_a_proj_with_mqa.weight"),
              Map.entry("mixer.key_value_down_bias", "self_attn.kv_a_proj_with_mqa.bias"),
              Map.entry("mixer.key_value_latent_norm", "self_attn.kv_a_layernorm.weight"),
              Map.entry("mixer.key_value_up", "self_attn.kv_b_proj.weight"),
              Map.entry("feed_forward.selection_bias", "mlp.gate.e_score_correction_bias"),
              Map.entry("feed_forward.shared.gate", "mlp.shared_experts.gate_proj.weight"),
              Map.entry("feed_forward.shared.up", "mlp.shared_experts.up_proj.weight"),
              Map.entry("feed_forward.shared.down", "mlp.shared_experts.down_proj.weight")),
          EXPERTS.experts,
          EXPERTS.ofExpert);

  private final Map<String, String> ofLayer;
  private final String experts;
  private final Map<String, String> ofExpert;

  /**
   * @param ofLayer our names inside a layer to theirs
   * @param experts theirs of a layer's experts; a number follows
   * @param ofExpert our names inside an expert to theirs, without {@code .weight}
   */
  private HfNames(Map<String, String> ofLayer, String experts, Map<String, String> ofExpert) {
    this.ofLayer = Map.copyOf(ofLayer);
    this.experts = experts;
    this.ofExpert = Map.copyOf(ofExpert);
  }

  private HfNames with(Map<String, String> more, String newExperts, Map<String, String> newOf) {
    Map<String, String> all = new HashMap<>(ofLayer);
    all.putAll(more);
    return new HfNames(all, newExperts, newOf);
  }

  /**
   * The name in a checkpoint of an earlier build, which used Mixtral's, and Llama's for dense
   * layers.
   *
   * @param name one of {@link TensorNames}
   */
  public static String former(String name) {
    return MIXTRAL.of(name);
  }

  /**
   * @param name one of {@link TensorNames}
   */
  String of(String name) {
    String outside = OUTSIDE.get(name);
    if (outside != null) {
      return outside;
    }
    Matcher layer = LAYER.matcher(name);
    if (layer.matches()) {
      String prefix = "model.layers." + layer.group(1) + ".";
      Matcher expert = EXPERT.matcher(layer.group(2));
      String part = expert.matches() ? ofExpert.get(expert.group(2)) : null;
      if (part != null) {
        return "%s%s.%s.%s.weight".formatted(prefix, experts, expert.group(1), part);
      }
      String known = ofLayer.get(layer.group(2));
      if (known != null) {
        return prefix + known;
      }
    }
    throw new IllegalArgumentException("no Hugging Face name for " + name);
  }
}
