package dev.gyre.model.hf;

import dev.gyre.partitioning.model.TensorNames;
import dev.gyre.partitioning.model.TensorSpec;
import java.util.Arrays;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Hugging Face names of a decoder's weights: Mixtral's, and Llama's for dense layers. Checkpoints
 * of earlier builds use them too.
 */
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

  private static final Map<String, String> OF_LAYER =
      Map.ofEntries(
          Map.entry("mixer.norm", "input_layernorm"),
          Map.entry("mixer.query", "self_attn.q_proj"),
          Map.entry("mixer.key", "self_attn.k_proj"),
          Map.entry("mixer.value", "self_attn.v_proj"),
          Map.entry("mixer.output", "self_attn.o_proj"),
          // No Hugging Face class has it: only checkpoints of earlier builds use this name.
          Map.entry("mixer.output_norm", "self_attn.norm"),
          Map.entry("feed_forward.norm", "post_attention_layernorm"),
          Map.entry("feed_forward.gate", "mlp.gate_proj"),
          Map.entry("feed_forward.up", "mlp.up_proj"),
          Map.entry("feed_forward.down", "mlp.down_proj"),
          Map.entry("feed_forward.router", "block_sparse_moe.gate"));

  private static final Map<String, String> OF_EXPERT =
      Map.of("gate", "w1", "up", "w3", "down", "w2");

  private HfNames() {}

  /**
   * @param name one of {@link TensorNames}
   */
  public static String of(String name) {
    String outside = OUTSIDE.get(name);
    if (outside != null) {
      return outside;
    }
    Matcher layer = LAYER.matcher(name);
    if (layer.matches()) {
      String prefix = "model.layers." + layer.group(1) + ".";
      Matcher expert = EXPERT.matcher(layer.group(2));
      if (expert.matches()) {
        return "%sblock_sparse_moe.experts.%s.%s.weight"
            .formatted(prefix, expert.group(1), OF_EXPERT.get(expert.group(2)));
      }
      String known = OF_LAYER.get(layer.group(2));
      if (known != null) {
        return prefix + known + ".weight";
      }
    }
    throw new IllegalArgumentException("no Hugging Face name for " + name);
  }

  /** Name and shape, for messages about a Hugging Face folder. */
  static String show(TensorSpec spec) {
    return of(spec.name()) + Arrays.toString(spec.shape());
  }
}
