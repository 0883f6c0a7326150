package dev.gyre.deploy.job;

import static dev.gyre.deploy.job.Key.Type.FLAG;
import static dev.gyre.deploy.job.Key.Type.TEXT;
import static dev.gyre.deploy.job.Key.Type.TEXTS;
import static dev.gyre.deploy.job.Key.choice;
import static dev.gyre.deploy.job.Key.choiceOrEach;
import static dev.gyre.deploy.job.Key.integerOrSections;
import static dev.gyre.deploy.job.Key.integers;
import static dev.gyre.deploy.job.Key.number;
import static dev.gyre.deploy.job.Key.section;
import static dev.gyre.deploy.job.Key.sections;
import static dev.gyre.deploy.job.Key.value;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.job.TrainSpec.Optimizer;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.FeedForwardSpec;
import dev.gyre.partitioning.model.FeedForwardSpec.MixtureOfExperts;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeSpec;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Every key a job file may hold, with its type, default, allowed values and meaning. */
final class JobKeys {
  private static final NumberRange LAYER = NumberRange.whole(0, (long) ModelSpec.LAYERS.most() - 1);

  private static final List<String> MODEL_TYPES = List.of("mixtral", "llama");

  private JobKeys() {}

  static final Key ROOT =
      section(
          "",
          "A Gyre training job.",
          value("name", TEXT, null, "Name of the run's folder in runs/. Default: the file's name."),
          model(),
          dataset(),
          train(),
          mesh(),
          choice(
              "backend",
              "auto",
              "Compute backend. auto takes the best available; a named one never falls back.",
              JobSpec.BACKENDS),
          value("device", TEXT, "cpu", "cpu, or cuda:N for a GPU with backend torch."),
          choice(
              "transport",
              "ipc",
              "Data transport between workers: shared memory or UDP.",
              JobSpec.TRANSPORTS),
          section(
              "eval",
              "Held-out evaluation.",
              number(
                  "every",
                  "50",
                  JobSpec.Eval.EVERY,
                  "Steps between evaluations; 0: only at the end."),
              number("rows", "4", JobSpec.Eval.ROWS, "Held-out rows per evaluation; 0: none.")),
          section(
              "checkpoint",
              "Checkpoints and their retention.",
              number(
                  "every",
                  "100",
                  JobSpec.Checkpoint.EVERY,
                  "Steps between checkpoints; 0: only at the end; -1: never."),
              number(
                  "keep", "3", JobSpec.Checkpoint.KEEP, "Number of newest checkpoints to keep.")));

  private static Key model() {
    return section(
        "model",
        "The decoder, in the keys of a Hugging Face config.json.",
        value("from", TEXT, null, "Hugging Face folder to load shape and weights from."),
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

  private static Key dataset() {
    return section(
        "dataset",
        "Training text, and how it is tokenized and packed into rows.",
        sections(
            "train",
            "Sources of text.",
            value("path", TEXT, null, "Folder, glob, zip, text or JSONL file, or jdk:src.zip."),
            value("include", TEXT, "", "Glob for file names inside a folder or zip."),
            value("field", TEXT, "text", "JSONL key that holds the text."),
            number(
                "weight",
                "1",
                DatasetSpec.Source.WEIGHT,
                "How often each document is drawn per epoch."),
            choice(
                "join",
                "none",
                "none: each file is a document. folder: all files of a folder are one, by name.",
                DatasetSpec.Source.JOINS)),
        value("tokenizer", TEXT, "bytes", "bytes, or the path of a tokenizer.json."),
        choice(
            "packing",
            "best-fit",
            "best-fit cuts only documents longer than a row; concat fills every row.",
            DatasetSpec.PACKINGS),
        number("holdout", "1%", DatasetSpec.HOLDOUT, "Share of the tokens held out for eval."),
        choice(
            "invalid-text",
            "error",
            "Text that is not UTF-8, not JSON and so on: refuse, repair or leave it out.",
            DatasetSpec.INVALID_TEXT),
        choice(
            "special-tokens",
            "none",
            "Tokens added around each document. template: the tokenizer's post_processor.",
            DatasetSpec.SPECIAL_TOKENS),
        choice(
            "special-text",
            "parse",
            "A special token's text in a document: parse makes it the token.",
            DatasetSpec.SPECIAL_TEXT));
  }

  private static Key train() {
    return section(
        "train",
        "The training loop.",
        integerOrSections(
            "sequence-length",
            "8192",
            TrainSpec.SEQUENCE_LENGTH,
            "Maximum number of tokens in a row, or a list of stages with one length each.",
            number("tokens", null, TrainSpec.SEQUENCE_LENGTH, "Length of the stage's sequences."),
            number("share", null, SequenceStage.SHARE, "The stage's share of the steps."),
            number(
                "batch-tokens",
                null,
                TrainSpec.BATCH_TOKENS,
                "Tokens per step of the stage. Default: train.batch-tokens.")),
        number(
            "batch-tokens",
            null,
            TrainSpec.BATCH_TOKENS,
            "Tokens per step over all workers. Default: one row."),
        number("steps", "200", TrainSpec.STEPS, "Number of optimizer steps."),
        number("seed", "1", TrainSpec.SEED, "Seed of initial weights, packing and order."),
        choice(
            "dtype", "auto", "Compute dtype. auto: bf16 if the hardware has it.", TrainSpec.DTYPES),
        number(
            "balance-loss",
            "0.01",
            TrainSpec.BALANCE_LOSS,
            "Coefficient of the load-balance loss."),
        number("z-loss", "0", TrainSpec.Z_LOSS, "Coefficient of the router z-loss."),
        choice(
            "non-finite",
            "fail",
            "On a loss or gradient that is not finite: fail, or skip the update.",
            TrainSpec.NON_FINITE),
        choice(
                "recompute",
                "auto",
                "Activations to recompute in the backward pass; auto: the fastest that fits.",
                MemorySpec.RECOMPUTES)
            .formerly("activations", Map.of(MemorySpec.FORMER_ALL, "all")),
        choice(
            "offload",
            "auto",
            "Offload saved activations to disk. auto: only if no in-memory policy fits.",
            MemorySpec.OFFLOADS),
        value("offload-folder", TEXT, "", "Folder for offloaded activations. Default: the run's."),
        number(
            "mlp-tile",
            "-1",
            MemorySpec.MLP_TILE,
            "Tokens per tile of an MLP or expert; 0: one tile; -1: the plan chooses."),
        section(
            "optimizer",
            "AdamW.",
            number("lr", "1e-3", Optimizer.LR, "Peak learning rate."),
            number("warmup", "5%", Optimizer.WARMUP, "Share of the steps used for linear warm-up."),
            choice("schedule", "cosine", "Learning rate after the warm-up.", Optimizer.SCHEDULES),
            number("min-lr", "0", Optimizer.LR, "Final rate of cosine, at most lr."),
            number("clip", "1.0", Optimizer.CLIP, "Maximum global gradient norm; 0: no clipping."),
            number(
                "weight-decay",
                "0.1",
                Optimizer.WEIGHT_DECAY,
                "Weight decay of matrices, embeddings excepted."),
            number("beta1", "0.9", Optimizer.BETA, "Decay of the first moment."),
            number("beta2", "0.95", Optimizer.BETA, "Decay of the second moment."),
            number("eps", "1e-8", Optimizer.EPS, "Added to the root of the second moment.")));
  }

  private static Key mesh() {
    return section(
        "mesh",
        "Degrees of parallelism. 0 or left out: the plan chooses.",
        number(
            "workers", "0", MeshSpec.DEGREE, "Number of workers: data-parallel × ring × ulysses."),
        number("data-parallel", "0", MeshSpec.DEGREE, "Ranks that train on different rows."),
        number("ring", "0", MeshSpec.DEGREE, "Ranks of ring attention, over which a row is split."),
        number(
            "ulysses",
            "0",
            MeshSpec.DEGREE,
            "Ranks of Ulysses, over which attention heads are split."),
        number(
            "expert-parallel",
            "0",
            MeshSpec.DEGREE,
            "Ranks over which the experts are distributed."),
        choiceOrEach(
            "schedule",
            "auto",
            "Attention schedule; one for all layers, or one per layer type.",
            ScheduleSpec.KEYS,
            Arrays.stream(LayerKind.values())
                .filter(kind -> kind != LayerKind.LINEAR)
                .map(LayerKind::key)
                .toList()),
        choice(
            "layout",
            "auto",
            "How tokens are assigned to ring ranks. auto: the one with the lower predicted time.",
            MeshSpec.LAYOUTS),
        number(
            "kernel-threads",
            "0",
            MeshSpec.KERNEL_THREADS,
            "Threads of a worker's kernels; 0: an even share of its host's cores."));
  }
}
