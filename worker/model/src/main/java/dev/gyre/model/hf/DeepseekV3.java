package dev.gyre.model.hf;

import dev.gyre.model.hf.TensorMap.FileTensor;
import dev.gyre.partitioning.model.Activation;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.DenseMlp;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.MixerSpec;
import dev.gyre.partitioning.model.MixerSpec.LatentAttention;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import dev.gyre.partitioning.model.RouterSpec;
import dev.gyre.partitioning.model.TensorSpec;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** {@code deepseek_v3}: DeepSeek-AI, DeepSeek-V3 Technical Report. */
final class DeepseekV3 extends Family {
  private static final Pattern LAYER = Pattern.compile("model\\.layers\\.(\\d+)\\..*");

  DeepseekV3() {
    super(
        "deepseek_v3",
        "DeepseekV3ForCausalLM",
        HfNames.DEEPSEEK,
        "attention_bias",
        "q_lora_rank",
        "kv_lora_rank",
        "qk_nope_head_dim",
        "qk_rope_head_dim",
        "v_head_dim",
        "rope_interleave",
        "n_routed_experts",
        "n_shared_experts",
        "num_experts_per_tok",
        "moe_intermediate_size",
        "first_k_dense_replace",
        "n_group",
        "topk_group",
        "norm_topk_prob",
        "routed_scaling_factor",
        "auto_map"); // its published code computes what the library's class does
  }

  @Override
  int headSize(ConfigValues config, int hidden, int heads) {
    return config.integer("qk_nope_head_dim") + config.integer("qk_rope_head_dim");
  }

  @Override
  MixerSpec mixer(
      ConfigValues config, HeadShape heads, AttentionPattern pattern, int layer, RopeSpec rope) {
    return new LatentAttention(
        heads,
        pattern.mask(layer),
        rope,
        queryRank(config),
        config.integer("kv_lora_rank"),
        config.integer("qk_rope_head_dim"),
        config.integer("v_head_dim"),
        config.flag("attention_bias", false));
  }

  /** Null for none. */
  private static int queryRank(ConfigValues config) {
    if (config.root().path("q_lora_rank").isNull()) {
      return 0;
    }
    int rank = config.integer("q_lora_rank");
    if (rank < 1) {
      throw HfConfig.invalid("q_lora_rank", rank + " must be positive, or null for none");
    }
    return rank;
  }

  @Override
  FeedForwardSpec feedForward(ConfigValues config, int layer, int depth) {
    if (layer < config.notNull("first_k_dense_replace", 3)) {
      return new DenseMlp(config.integer("intermediate_size"));
    }
    int width = config.integer("moe_intermediate_size");
    return new MixtureOfExperts(
        config.integer("n_routed_experts"),
        width,
        new Activation.Swiglu(),
        false,
        new RouterSpec.GroupTopK(
            config.notNull("num_experts_per_tok", 8),
            config.notNull("n_group", 8),
            config.notNull("topk_group", 4),
            config.flagOrNull("norm_topk_prob", true),
            config.real("routed_scaling_factor", 2.5)),
        Math.multiplyExact(width, config.notNull("n_shared_experts", 1)));
  }

  /**
   * The rotated rows of queries and of the shared key: in the file as pairs one after another, here
   * all first elements, then all second ones. A product of a query and a key is the same in either
   * order.
   */
  @Override
  void place(TensorMap map, ConfigValues config, ModelSpec model, TensorSpec tensor) {
    String part = tensor.name().substring(tensor.name().lastIndexOf('.') + 1);
    boolean ofQuery = part.equals("query");
    if (!ofQuery && !part.startsWith("key_value_down")) {
      super.place(map, config, model, tensor);
      return;
    }
    LatentAttention attention = (LatentAttention) model.mixer(tensor.layer());
    String name = name(tensor.name());
    if (ofQuery && attention.queryRank() > 0) {
      name = name.replace("q_proj", "q_b_proj");
    }
    if (!config.flagOrNull("rope_interleave", true)) {
      map.whole(tensor, name);
      return;
    }
    FileTensor file = new FileTensor(name, tensor.shape());
    int parts = ofQuery ? attention.heads().queries() : 1;
    long plain = ofQuery ? attention.unrotated() : attention.keyValueRank();
    for (int i = 0; i < parts; i++) {
      long first = i * (plain + attention.rotated());
      long half = attention.rotated() / 2;
      map.rows(tensor, file, first, plain, first, 1);
      map.rows(tensor, file, first + plain, half, first + plain, 2);
      map.rows(tensor, file, first + plain + half, half, first + plain + 1, 2);
    }
  }

  /** In BF16 many biases would be equal, and other experts chosen. */
  @Override
  boolean keepsF32(String name) {
    return name.endsWith(".e_score_correction_bias");
  }

  /** Layers after the last predict further tokens; no class of the library trains them. */
  @Override
  boolean ignores(ModelSpec model, String name) {
    Matcher layer = LAYER.matcher(name);
    return super.ignores(model, name)
        || (layer.matches() && Integer.parseInt(layer.group(1)) >= model.depth());
  }
}
