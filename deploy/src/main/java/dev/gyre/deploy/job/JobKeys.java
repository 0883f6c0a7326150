package dev.gyre.deploy.job;

import static dev.gyre.partitioning.job.Key.Type.FLAG;
import static dev.gyre.partitioning.job.Key.Type.TEXT;
import static dev.gyre.partitioning.job.Key.Type.TEXTS;
import static dev.gyre.partitioning.job.Key.choice;
import static dev.gyre.partitioning.job.Key.integers;
import static dev.gyre.partitioning.job.Key.number;
import static dev.gyre.partitioning.job.Key.section;
import static dev.gyre.partitioning.job.Key.value;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.Effect;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.Key;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.RopeSpec;
import java.util.List;

/**
 * Every key a job file may hold. Those of the model are declared here, the others by the records
 * that hold their values.
 */
final class JobKeys {
  private static final NumberRange LAYER = NumberRange.whole(0, (long) ModelSpec.LAYERS.most() - 1);

  private static final List<String> MODEL_TYPES = List.of("mixtral", "llama");

  private JobKeys() {}

  static final Key ROOT = JobSpec.KEYS.replacing(model().changes(Effect.ARITHMETIC));

  private static Key model() {
    return section(
        "model",
        "The decoder, in the keys of a Hugging Face config.json.",
        value("from", TEXT, null, "Hugging Face folder to load shape and weights from.")
            .changes(Effect.NONE),
        choice("model_type", "mixtral", "Model family. llama has no experts.", MODEL_TYPES),
        number(
            "vocab_size",
            null,
            EmbeddingSpec.VOCABULARY,
            "Vocabulary size. Default: the tokenizer's."),
        number("hidden_size", "256", EmbeddingSpec.WIDTH, "Width of the residual stream."),
        number("num_hidden_layers", "4", ModelSpec.LAYERS, "Number of layers."),
        number("num_attention_heads", "8", HeadShape.HEADS, "Number of query heads."),
        number(
            "num_key_value_heads",
            null,
            HeadShape.HEADS,
            "Number of key/value heads. Default: num_attention_heads."),
        number(
            "head_dim",
            null,
            HeadShape.SIZE,
            "Width of a head, even. Default: hidden_size / num_attention_heads."),
        number(
            "intermediate_size",
            null,
            FeedForwardSpec.WIDTH,
            "Hidden width of an expert or dense MLP. Default: 2 × hidden_size."),
        number(
            "num_local_experts",
            null,
            MixtureOfExperts.EXPERTS,
            "Experts per MoE layer. Default: 8; 0 for llama."),
        number(
            "num_experts_per_tok",
            null,
            MixtureOfExperts.EXPERTS,
            "Experts per token (top-k). Default: 2; 0 without experts."),
        number("rms_norm_eps", "1e-5", ModelSpec.NORM_EPS, "Epsilon of RMSNorm."),
        number("rope_theta", "10000", RopeSpec.THETA, "Base of the rotary embedding (RoPE)."),
        section(
            "rope",
            "Scaling of the rotary embedding, in place of that of the model that model.from loads.",
            choice(
                "type",
                "loaded",
                "How frequencies are scaled; loaded: as the model, default: not at all.",
                List.of("loaded", "default", "linear", "llama3", "yarn")),
            number(
                "theta",
                null,
                RopeSpec.THETA,
                "Base of the frequencies. Default: the loaded model's."),
            number(
                "factor",
                null,
                RopeScaling.FACTOR,
                "How much farther the model reaches. Needed by linear, llama3 and yarn."),
            number(
                "original_max_position_embeddings",
                null,
                RopeScaling.TOKENS,
                "Tokens of a row that the model was trained on. Default: as its config says."),
            number(
                "low_freq_factor",
                null,
                RopeScaling.POSITIVE,
                "llama3: wavelengths above the original length divided by this are scaled."),
            number(
                "high_freq_factor",
                null,
                RopeScaling.POSITIVE,
                "llama3: wavelengths below the original length divided by this are kept."),
            number(
                "beta_fast",
                null,
                RopeScaling.POSITIVE,
                "yarn: frequencies with more turns over the original length are kept. Default: 32."),
            number(
                "beta_slow",
                null,
                RopeScaling.POSITIVE,
                "yarn: frequencies with fewer turns over the original length are scaled. Default: 1."),
            value(
                "truncate",
                FLAG,
                null,
                "yarn: let the ramp between them start and end at whole pairs. Default: true."),
            number(
                "attention_factor",
                null,
                RopeScaling.POSITIVE,
                "yarn: factor on cosine and sine. Default: 0.1·ln(factor) + 1."),
            number(
                "mscale",
                null,
                RopeScaling.POSITIVE,
                "yarn: with mscale_all_dim, the numerator of the attention factor."),
            number(
                "mscale_all_dim",
                null,
                RopeScaling.POSITIVE,
                "yarn: scales the scores of latent attention.")),
        value("tie_word_embeddings", FLAG, "false", "Share the embedding's weights with the head."),
        number(
            "sliding_window",
            "0",
            AttentionPattern.TOKENS,
            "Keys a query attends to, itself included; 0: all before it."),
        value(
            "layer_types",
            TEXTS,
            "[]",
            "full_, sliding_ or linear_attention for each layer. Default: all the same."),
        number(
            "attention_sinks",
            "0",
            AttentionPattern.TOKENS,
            "First tokens of a document that stay visible outside the window."),
        value(
            "anchor_token", FLAG, "false", "Make the row's first token visible to every document."),
        number(
            "prefix_length",
            "0",
            AttentionPattern.TOKENS,
            "First tokens of a document that attend to each other both ways."),
        integers("mlp_only_layers", LAYER, "Layers with a dense MLP, counted from 0."),
        number(
            "initializer_range",
            "0",
            ModelSpec.INITIALIZER_RANGE,
            "Standard deviation of initial weights; 0: 1/√fan-in."));
  }
}
