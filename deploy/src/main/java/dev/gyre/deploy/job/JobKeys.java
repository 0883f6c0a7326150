package dev.gyre.deploy.job;

import static dev.gyre.deploy.job.Key.Type.FLAG;
import static dev.gyre.deploy.job.Key.Type.INTEGER;
import static dev.gyre.deploy.job.Key.Type.INTEGERS;
import static dev.gyre.deploy.job.Key.Type.NUMBER;
import static dev.gyre.deploy.job.Key.Type.SHARE;
import static dev.gyre.deploy.job.Key.Type.TEXT;
import static dev.gyre.deploy.job.Key.Type.TEXTS;
import static dev.gyre.deploy.job.Key.choice;
import static dev.gyre.deploy.job.Key.choiceOrEach;
import static dev.gyre.deploy.job.Key.section;
import static dev.gyre.deploy.job.Key.sections;
import static dev.gyre.deploy.job.Key.value;

import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.ScheduleSpec;
import java.util.Arrays;

/** Every key a job file may hold, with its type, default and meaning. */
final class JobKeys {
  private JobKeys() {}

  static final Key ROOT =
      section(
          "",
          "A Gyre training job.",
          value("name", TEXT, null, "The run's folder below runs/. Default: the job file's name."),
          section(
              "model",
              "The decoder, in the keys of a Hugging Face config.json.",
              value("from", TEXT, null, "A Hugging Face folder to take shape and weights from."),
              choice("model_type", "mixtral", "Family; llama has no experts.", "mixtral", "llama"),
              value("vocab_size", INTEGER, null, "Tokens. Default: the tokenizer's."),
              value("hidden_size", INTEGER, "256", "Width of the residual stream."),
              value("num_hidden_layers", INTEGER, "4", "Layers."),
              value("num_attention_heads", INTEGER, "8", "Query heads."),
              value("num_key_value_heads", INTEGER, null, "Default: num_attention_heads."),
              value("head_dim", INTEGER, null, "Default: hidden_size / num_attention_heads."),
              value("intermediate_size", INTEGER, null, "Default: 2 × hidden_size."),
              value("num_local_experts", INTEGER, null, "Default: 8; 0 for llama."),
              value("num_experts_per_tok", INTEGER, null, "Default: 2, or 0 without experts."),
              value("rms_norm_eps", NUMBER, "1e-5", "Added under the root of every norm."),
              value("rope_theta", NUMBER, "10000", "Base of the rotary angles."),
              value("tie_word_embeddings", FLAG, "false", "Head and embedding share weights."),
              value("sliding_window", INTEGER, "0", "Keys a query sees, itself included; 0: all."),
              value(
                  "layer_types",
                  TEXTS,
                  "[]",
                  "full_, sliding_ or linear_attention for each layer. Default: all alike."),
              value("attention_sinks", INTEGER, "0", "First tokens that stay in the window."),
              value("anchor_token", FLAG, "false", "Every document sees the row's first token."),
              value("prefix_length", INTEGER, "0", "First tokens that see each other both ways."),
              value("mlp_only_layers", INTEGERS, "[]", "Layers with a dense MLP, from 0."),
              value("initializer_range", NUMBER, "0", "Std of initial weights; 0: 1/√fan-in.")),
          section(
              "dataset",
              "Text, and how it becomes rows of tokens.",
              sections(
                  "train",
                  "Sources of text.",
                  value("path", TEXT, null, "Folder, glob, zip, txt or jsonl; jdk:src.zip."),
                  value("include", TEXT, "", "Glob for names inside a folder or zip."),
                  value("field", TEXT, "text", "The text's key in JSONL."),
                  value("weight", NUMBER, "1", "How often each document is seen per epoch.")),
              value("tokenizer", TEXT, "bytes", "bytes, or the path of a tokenizer.json."),
              choice(
                  "packing",
                  "best-fit",
                  "best-fit cuts only documents longer than a row.",
                  "best-fit",
                  "concat"),
              value("holdout", SHARE, "1%", "Documents kept for evaluation.")),
          section(
              "train",
              "The training loop.",
              value("sequence-length", INTEGER, "8192", "Most tokens of a row."),
              value("batch-tokens", INTEGER, null, "Global tokens a step. Default: one row."),
              value("steps", INTEGER, "200", "Optimizer steps."),
              value("seed", INTEGER, "1", "Keys every random choice."),
              choice("dtype", "auto", "auto: bf16 where it is native.", "auto", "bf16", "f32"),
              value("balance-loss", NUMBER, "0.01", "α of the load-balance loss."),
              value("z-loss", NUMBER, "0", "Coefficient of the router z-loss."),
              choice("non-finite", "fail", "When a loss is not finite.", "fail", "skip"),
              choice(
                  "activations",
                  "auto",
                  "What blocks keep for backward; auto: the fastest that fits.",
                  "auto",
                  "none",
                  "attention-saving",
                  "full"),
              choice(
                  "offload",
                  "auto",
                  "Whether that waits on disk; auto: if nothing else fits.",
                  "auto",
                  "true",
                  "false"),
              value("offload-folder", TEXT, "", "Where on disk. Default: the run's folder."),
              value(
                  "mlp-tile",
                  INTEGER,
                  "-1",
                  "Tokens whose gate, up and hidden exist at once; 0: all; -1: the plan chooses."),
              section(
                  "optimizer",
                  "AdamW.",
                  value("lr", NUMBER, "1e-3", "Peak learning rate."),
                  value("warmup", SHARE, "5%", "Share of the steps that warm up."),
                  choice("schedule", "cosine", "After the warm-up.", "cosine", "constant"),
                  value("min-lr", NUMBER, "0", "Where cosine ends."),
                  value("clip", NUMBER, "1.0", "Limit of the global gradient norm; 0: none."),
                  value("weight-decay", NUMBER, "0.1", "On matrices, not on embeddings."),
                  value("beta1", NUMBER, "0.9", "First moment."),
                  value("beta2", NUMBER, "0.95", "Second moment."),
                  value("eps", NUMBER, "1e-8", "Added to the root of the second moment."))),
          section(
              "mesh",
              "Workers in named degrees; 0 or left out: the plan chooses.",
              value("workers", INTEGER, "0", "data-parallel × ring × ulysses."),
              value("data-parallel", INTEGER, "0", "Ranks with different rows."),
              value("ring", INTEGER, "0", "Ranks around which keys and values travel."),
              value("ulysses", INTEGER, "0", "Ranks that swap tokens for heads."),
              value("expert-parallel", INTEGER, "0", "Ranks that share the experts."),
              choiceOrEach(
                  "schedule",
                  "auto",
                  "What travels round the ring, and how; for all layers, or by kind of layer.",
                  ScheduleSpec.KEYS,
                  Arrays.stream(LayerKind.values())
                      .filter(kind -> kind != LayerKind.LINEAR)
                      .map(LayerKind::key)
                      .toList()),
              choice(
                  "layout",
                  "auto",
                  "How a row is dealt over the ring; auto: what is predicted to be sooner.",
                  "auto",
                  "zigzag",
                  "striped",
                  "contiguous")),
          choice(
              "backend",
              "auto",
              "What computes; an explicit choice never falls back.",
              "auto",
              "onednn",
              "vector",
              "torch",
              "scalar"),
          value("device", TEXT, "cpu", "cpu, or cuda:N for a GPU, with backend torch."),
          choice("transport", "ipc", "What carries data between workers.", "ipc", "udp"),
          section(
              "eval",
              "Held-out loss.",
              value("every", INTEGER, "50", "Steps between evaluations; 0: at the end only."),
              value("rows", INTEGER, "4", "Held-out rows per evaluation.")),
          section(
              "checkpoint",
              "What is kept.",
              value(
                  "every",
                  INTEGER,
                  "100",
                  "Steps between checkpoints; 0: at the end only; -1: never."),
              value("keep", INTEGER, "3", "Newest checkpoints kept.")));
}
