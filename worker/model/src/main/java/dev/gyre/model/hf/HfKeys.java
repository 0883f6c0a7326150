package dev.gyre.model.hf;

import dev.gyre.partitioning.check.Invalid;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The keys of a {@code config.json}: which are read, which do not affect the computation of any
 * family's class, and which may have only one value. Any other key is an error, because its effect
 * is unknown. A key whose value is null counts as absent.
 */
final class HfKeys {
  /** Window and kinds of layers of a class that has none; see {@link HfConfig}. */
  static final String WINDOW = "gyre_sliding_window";

  static final String LAYERS = "gyre_layer_types";

  /** Masks that no Hugging Face class computes. */
  static final String SINKS = "gyre_attention_sinks";

  static final String ANCHOR = "gyre_anchor_token";
  static final String PREFIX = "gyre_prefix_length";

  /** Keys of masks that no Hugging Face class computes, or not the class in question. */
  static final List<String> OWN = List.of(WINDOW, LAYERS, SINKS, ANCHOR, PREFIX);

  static final String BALANCE_LOSS = "gyre_balance_loss_coef";
  static final String Z_LOSS = "gyre_z_loss_coef";

  /** Keys that every family reads. */
  private static final Set<String> READ =
      Set.of(
          "model_type",
          "vocab_size",
          "hidden_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "head_dim",
          "intermediate_size",
          "rms_norm_eps",
          "rope_parameters",
          "rope_scaling",
          "rope_theta",
          "tie_word_embeddings",
          "initializer_range",
          SINKS,
          ANCHOR,
          PREFIX,
          BALANCE_LOSS,
          Z_LOSS);

  /** Keys for the origin of a folder, and for how other programs load it. */
  private static final Set<String> ORIGIN =
      Set.of(
          "_attn_implementation",
          "_attn_implementation_autoset",
          "_attn_implementation_internal",
          "_commit_hash",
          "_experts_implementation",
          "_flash_attn_2_enabled",
          "_from_model_config",
          "_name_or_path",
          "architectures",
          "attn_implementation",
          "base_model_name_or_path",
          "case", // of a golden folder
          "dtype",
          "experts_implementation",
          "flash_attention",
          "gradient_checkpointing",
          "is_llama_config",
          "is_mixtral_config",
          "low_cpu_mem_usage",
          "model_id",
          "model_max_length",
          "neftune_noise_alpha",
          "onnx",
          "torch_dtype",
          "torchscript",
          "transformers.js_config",
          "transformers_version",
          "use_bfloat16",
          "use_cache",
          "use_flash_attention",
          "use_flash_attention_2",
          "use_flash_attn",
          "use_unsloth");

  /** Lengths of the training data, which no layer reads. */
  private static final Set<String> LENGTHS =
      Set.of(
          "max_length",
          "max_model_len",
          "max_position_embeddings",
          "max_seq_len",
          "max_seq_length",
          "max_sequence_length",
          "max_window_layers",
          "n_ctx",
          "n_positions",
          "original_max_position_embeddings",
          "pretraining_tp", // the same sums in another order
          "seq_length",
          "tokenizer_model_max_length");

  /** How a model was trained or is served, which its class does not read. */
  private static final Set<String> TRAINING =
      Set.of(
          "aux_loss_alpha",
          "ep_size",
          "experts_per_token", // another name of a key that is read
          "initial_context_length",
          "num_mtp_layers",
          "num_nextn_predict_layers",
          "qk_head_dim", // the sum of two others
          "router_aux_loss_coef",
          "seq_aux");

  /** Tokens, text generation, labels of a classifier: what a configuration of any class has. */
  private static final Set<String> GENERIC =
      Set.of(
          "bad_words_ids",
          "begin_suppress_tokens",
          "bos_token",
          "bos_token_id",
          "chat_template",
          "chunk_size_feed_forward",
          "classifier_dropout",
          "cross_attention_hidden_size",
          "decoder_start_token_id",
          "diversity_penalty",
          "do_sample",
          "early_stopping",
          "encoder_no_repeat_ngram_size",
          "eos_token",
          "eos_token_id",
          "exponential_decay_length_penalty",
          "finetuning_task",
          "forced_bos_token_id",
          "forced_eos_token_id",
          "id2label",
          "is_decoder",
          "keys_to_ignore_at_inference",
          "label2id",
          "length_penalty",
          "max_new_tokens",
          "min_length",
          "no_repeat_ngram_size",
          "num_beam_groups",
          "num_beams",
          "num_labels",
          "num_return_sequences",
          "output_attentions",
          "output_hidden_states",
          "output_router_logits",
          "output_scores",
          "pad_token",
          "pad_token_id",
          "prefix",
          "problem_type",
          "remove_invalid_values",
          "repetition_penalty",
          "return_dict",
          "return_dict_in_generate",
          "sep_token_id",
          "suppress_tokens",
          "task_specific_params",
          "temperature",
          "tf_legacy_loss",
          "tokenizer_class",
          "top_k",
          "top_p",
          "typical_p",
          "unk_token_id");

  /** Keys of a program that patches a folder it exports. */
  private static final String UNSLOTH = "unsloth_";

  private record Only(String implemented, Predicate<JsonNode> holds) {}

  private static final Only FALSE = new Only("false", v -> v.isBoolean() && !v.asBoolean());
  private static final Only ZERO = new Only("0", v -> v.isNumber() && v.asDouble() == 0);
  private static final Only ONE = new Only("1", v -> v.isNumber() && v.asDouble() == 1);

  /** SiLU has two names. */
  private static final Only SILU =
      new Only("silu", v -> v.asString("").equals("silu") || v.asString("").equals("swish"));

  private static final Only SEVEN =
      new Only("7", v -> v.isNumber() && v.asDouble() == 7); // a constant of gpt-oss's class

  private static final Only SIGMOID = new Only("sigmoid", v -> v.asString("").equals("sigmoid"));

  private static final Only NO_AUXILIARY_LOSS =
      new Only("noaux_tc", v -> v.asString("").equals("noaux_tc"));

  private static final Only EMPTY =
      new Only("null", v -> (v instanceof ObjectNode || v instanceof ArrayNode) && v.isEmpty());

  private static final Only OWN_CODE =
      new Only("null (the folder has its own model code, which Gyre does not run)", _ -> false);

  private static final Only QUANTIZED =
      new Only("null, after you dequantize them and save them as BF16,", _ -> false);

  /** Keys whose other values change the computation. */
  private static final Map<String, Only> ONLY =
      Map.ofEntries(
          Map.entry("activation", SILU),
          Map.entry("activation_function", SILU),
          Map.entry("add_cross_attention", FALSE),
          Map.entry("attention_bias", FALSE),
          Map.entry("attention_dropout", ZERO),
          Map.entry("attention_probs_dropout_prob", ZERO),
          Map.entry("attn_dropout", ZERO),
          Map.entry("attn_pdrop", ZERO),
          Map.entry("auto_map", OWN_CODE),
          Map.entry("bias", FALSE),
          Map.entry("compression_config", QUANTIZED),
          Map.entry("dropout", ZERO),
          Map.entry("embd_pdrop", ZERO),
          Map.entry("embedding_dropout", ZERO),
          Map.entry("hidden_act", SILU),
          Map.entry("hidden_activation", SILU),
          Map.entry("hidden_dropout", ZERO),
          Map.entry("hidden_dropout_prob", ZERO),
          Map.entry("is_encoder_decoder", FALSE),
          Map.entry("logit_scale", ONE),
          Map.entry("mlp_bias", FALSE),
          Map.entry("mlp_only_layers", EMPTY),
          Map.entry("moe_layer_freq", ONE),
          Map.entry("partial_rotary_factor", ONE),
          Map.entry("pruned_heads", EMPTY),
          Map.entry("qk_norm", FALSE),
          Map.entry("qkv_bias", FALSE),
          Map.entry("quantization", QUANTIZED),
          Map.entry("quantization_config", QUANTIZED),
          Map.entry("resid_dropout", ZERO),
          Map.entry("resid_pdrop", ZERO),
          Map.entry("residual_dropout", ZERO),
          Map.entry("rope_interleaved", FALSE),
          Map.entry("rotary_pct", ONE),
          Map.entry("router_jitter_noise", ZERO),
          Map.entry("scoring_func", SIGMOID),
          Map.entry("swiglu_limit", SEVEN),
          Map.entry("tie_encoder_decoder", FALSE),
          Map.entry("topk_method", NO_AUXILIARY_LOSS),
          Map.entry("shared_expert_intermediate_size", ZERO),
          Map.entry("use_bias", FALSE),
          Map.entry("use_mrope", FALSE),
          Map.entry("use_qk_norm", FALSE),
          Map.entry("use_qkv_bias", FALSE),
          Map.entry("use_sliding_window", FALSE));

  private HfKeys() {}

  /**
   * @throws Invalid if a key, or a value of it, may change the computation
   */
  static void check(ObjectNode root, Family family) {
    for (Map.Entry<String, JsonNode> entry : root.properties()) {
      if (!family.keys().contains(entry.getKey())) {
        check(entry.getKey(), entry.getValue(), family);
      }
    }
  }

  private static void check(String key, JsonNode value, Family family) {
    if (value.isNull() || READ.contains(key) || isHarmless(key)) {
      return;
    }
    Only only = ONLY.get(key);
    if (only == null) {
      Set<String> known = new TreeSet<>(READ);
      known.addAll(family.keys());
      throw HfConfig.invalid(
          key,
          "%s: not a known key of %s, so it may change the computation; remove it if it does not (known: %s)"
              .formatted(shown(value), family.type(), String.join(", ", known)));
    }
    if (!only.holds.test(value)) {
      throw HfConfig.invalid(
          key, shown(value) + " is not implemented; only " + only.implemented + " is");
    }
  }

  private static boolean isHarmless(String key) {
    return ORIGIN.contains(key)
        || LENGTHS.contains(key)
        || GENERIC.contains(key)
        || TRAINING.contains(key)
        || key.startsWith(UNSLOTH);
  }

  /** A value as written in the file, truncated if it is long. */
  static String shown(JsonNode value) {
    String text = value.toString();
    return text.length() <= 80 ? text : text.substring(0, 80) + "…";
  }
}
