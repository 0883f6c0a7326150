package dev.gyre.partitioning.job;

import static dev.gyre.partitioning.job.Effect.ARITHMETIC;
import static dev.gyre.partitioning.job.Effect.COURSE;
import static dev.gyre.partitioning.job.Key.choice;
import static dev.gyre.partitioning.job.Key.integerOrSections;
import static dev.gyre.partitioning.job.Key.number;
import static dev.gyre.partitioning.job.Key.section;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;
import java.util.Map;

/**
 * The training loop.
 *
 * @param sequenceLength most tokens of a row; with stages, of the longest
 * @param batchTokens global tokens of a step, a multiple of sequenceLength; gradient accumulation
 *     follows from it
 * @param steps optimizer steps
 * @param seed keys every random choice
 * @param dtype {@code auto}, {@code bf16} or {@code f32}
 * @param balanceLoss α of the load-balance loss
 * @param zLoss coefficient of the router z-loss
 * @param nonFinite {@code fail} or {@code skip} when a loss or norm is not finite
 * @param memory activation recomputation and offload
 * @param stages the length curriculum, in order; empty to train on rows of {@code sequenceLength}
 *     throughout
 */
public record TrainSpec(
    int sequenceLength,
    long batchTokens,
    long steps,
    long seed,
    String dtype,
    double balanceLoss,
    double zLoss,
    String nonFinite,
    Optimizer optimizer,
    MemorySpec memory,
    List<SequenceStage> stages)
    implements Spec<TrainSpec> {
  /** Positions are 32-bit, and layouts double them. */
  public static final NumberRange SEQUENCE_LENGTH = NumberRange.whole(1, 1L << 30);

  public static final NumberRange BATCH_TOKENS = NumberRange.whole(1, 1L << 40);
  public static final NumberRange STEPS = NumberRange.whole(0, 1_000_000_000_000L);
  public static final NumberRange SEED = NumberRange.ANY_WHOLE;
  public static final NumberRange BALANCE_LOSS = NumberRange.atLeast(0);
  public static final NumberRange Z_LOSS = NumberRange.atLeast(0);
  public static final List<String> DTYPES = List.of("auto", "bf16", "f32");
  public static final List<String> NON_FINITE = List.of("fail", "skip");

  public static final Key KEYS =
      section(
          "train",
          "The training loop.",
          integerOrSections(
                  "sequence-length",
                  "8192",
                  SEQUENCE_LENGTH,
                  "Maximum number of tokens in a row, or a list of stages with one length each.",
                  number("tokens", null, SEQUENCE_LENGTH, "Length of the stage's sequences."),
                  number("share", null, SequenceStage.SHARE, "The stage's share of the steps."),
                  number(
                      "batch-tokens",
                      null,
                      BATCH_TOKENS,
                      "Tokens per step of the stage. Default: train.batch-tokens."))
              .changes(ARITHMETIC)
              .original(),
          number(
                  "batch-tokens",
                  null,
                  BATCH_TOKENS,
                  "Tokens per step over all workers. Default: one row.")
              .changes(ARITHMETIC)
              .original(),
          number("steps", "200", STEPS, "Number of optimizer steps.").changes(COURSE).original(),
          number("seed", "1", SEED, "Seed of initial weights, packing and order.")
              .changes(ARITHMETIC)
              .original(),
          choice("dtype", "auto", "Compute dtype. auto: bf16 if the hardware has it.", DTYPES)
              .changes(ARITHMETIC)
              .planned("auto")
              .original(),
          number("balance-loss", "0.01", BALANCE_LOSS, "Coefficient of the load-balance loss.")
              .changes(ARITHMETIC)
              .original(),
          number("z-loss", "0", Z_LOSS, "Coefficient of the router z-loss.")
              .changes(ARITHMETIC)
              .original(),
          choice(
                  "non-finite",
                  "fail",
                  "On a loss or gradient that is not finite: fail, or skip the update.",
                  NON_FINITE)
              .changes(COURSE)
              .original(),
          MemorySpec.KEYS,
          Optimizer.KEYS);

  /** Every rank holds the shapes of all rows of a step. */
  private static final long MOST_ROWS_PER_STEP = 1 << 20;

  public TrainSpec {
    SEQUENCE_LENGTH.require("train.sequence-length", sequenceLength);
    BATCH_TOKENS.require("train.batch-tokens", batchTokens);
    requireBatch("train.batch-tokens", batchTokens, sequenceLength);
    stages = SequenceStage.checked(stages);
    STEPS.require("train.steps", steps);
    Invalid.requireOneOf(DTYPES, "train.dtype", dtype);
    BALANCE_LOSS.require("train.balance-loss", balanceLoss);
    Z_LOSS.require("train.z-loss", zLoss);
    Invalid.requireOneOf(NON_FINITE, "train.non-finite", nonFinite);
  }

  /** The defaults of all keys, for rows of one length. */
  public static TrainSpec of(int sequenceLength, long batchTokens) {
    return KeyValue.defaults(
        TrainSpec.class,
        KEYS,
        Map.of("sequenceLength", sequenceLength, "batchTokens", batchTokens, "stages", List.of()));
  }

  static void requireBatch(String key, long batchTokens, int sequenceLength) {
    Invalid.require(
        batchTokens > 0 && batchTokens % sequenceLength == 0,
        key,
        "batch-tokens %d must be a multiple of sequence-length %d"
            .formatted(batchTokens, sequenceLength));
    Invalid.require(
        batchTokens / sequenceLength <= MOST_ROWS_PER_STEP,
        key,
        "%d are %d rows of %d tokens a step; at most %d are supported"
            .formatted(
                batchTokens, batchTokens / sequenceLength, sequenceLength, MOST_ROWS_PER_STEP));
  }

  /** The stages; a run without a curriculum has one. */
  public List<SequenceStage> curriculum() {
    return stages.isEmpty() ? List.of(new SequenceStage(sequenceLength, 1, batchTokens)) : stages;
  }

  public int rowsPerStep() {
    return Math.toIntExact(batchTokens / sequenceLength);
  }

  /**
   * AdamW with warm-up and a schedule.
   *
   * @param lr peak learning rate
   * @param warmup share of the steps that warm up, in [0, 1]
   * @param schedule {@code cosine} (to minLr) or {@code constant}
   * @param minLr the floor of cosine
   * @param clip global gradient norm limit; 0 for none
   * @param weightDecay on 2-D weights except embeddings
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param eps added to the root of the second moment
   */
  public record Optimizer(
      double lr,
      double warmup,
      String schedule,
      double minLr,
      double clip,
      double weightDecay,
      double beta1,
      double beta2,
      double eps)
      implements Spec<Optimizer> {
    public static final NumberRange LR = NumberRange.atLeast(0);
    public static final NumberRange WARMUP = NumberRange.share(0, 1);
    public static final NumberRange CLIP = NumberRange.atLeast(0);
    public static final NumberRange WEIGHT_DECAY = NumberRange.atLeast(0);

    /** At 1, a moment would ignore every gradient, and its bias correction would divide by zero. */
    public static final NumberRange BETA = NumberRange.below(0, 1);

    /** At 0, an element that never had a gradient would be computed as 0/0. */
    public static final NumberRange EPS = NumberRange.above(0);

    public static final List<String> SCHEDULES = List.of("cosine", "constant");

    public static final Key KEYS =
        section(
                "optimizer",
                "AdamW.",
                number("lr", "1e-3", LR, "Peak learning rate.").original(),
                number("warmup", "5%", WARMUP, "Share of the steps used for linear warm-up.")
                    .original(),
                choice("schedule", "cosine", "Learning rate after the warm-up.", SCHEDULES)
                    .original(),
                number("min-lr", "0", LR, "Final rate of cosine, at most lr.").original(),
                number("clip", "1.0", CLIP, "Maximum global gradient norm; 0: no clipping.")
                    .original(),
                number(
                        "weight-decay",
                        "0.1",
                        WEIGHT_DECAY,
                        "Weight decay of matrices, embeddings excepted.")
                    .original(),
                number("beta1", "0.9", BETA, "Decay of the first moment.").original(),
                number("beta2", "0.95", BETA, "Decay of the second moment.").original(),
                number("eps", "1e-8", EPS, "Added to the root of the second moment.").original())
            .changes(ARITHMETIC);

    private static final String KEY = "train.optimizer.";

    public Optimizer {
      LR.require(KEY + "lr", lr);
      WARMUP.require(KEY + "warmup", warmup);
      Invalid.requireOneOf(SCHEDULES, KEY + "schedule", schedule);
      LR.require(KEY + "min-lr", minLr);
      Invalid.require(
          minLr <= lr,
          KEY + "min-lr",
          minLr + " must be at most train.optimizer.lr, which is " + lr);
      CLIP.require(KEY + "clip", clip);
      WEIGHT_DECAY.require(KEY + "weight-decay", weightDecay);
      BETA.require(KEY + "beta1", beta1);
      BETA.require(KEY + "beta2", beta2);
      EPS.require(KEY + "eps", eps);
    }

    /** The defaults of all keys, but a constant rate without warm-up. */
    public static Optimizer constant(double lr) {
      return KeyValue.defaults(
          Optimizer.class, KEYS, Map.of("lr", lr, "warmup", 0.0, "schedule", "constant"));
    }

    /**
     * Learning rate of a step. With N steps, the first W of them warming up, step s (from 0) has
     *
     * <pre>{@code
     * s < W:   lr · (s + 1) / W
     * s >= W:  min-lr + (lr − min-lr) · (1 + cos(π · (s − W) / (N − W))) / 2
     * }</pre>
     *
     * so that the rate would be min-lr at step N, which is not trained any more: the last step
     * still trains when min-lr is 0. Source of the cosine: Loshchilov and Hutter, <i>SGDR</i>,
     * equation 5.
     *
     * @param step from 0; from N on the rate stays at min-lr
     */
    public double lrAt(long step, long steps) {
      double warm = Math.max(1, Math.ceil(warmup * steps));
      if (warmup > 0 && step < warm) {
        return lr * (step + 1) / warm;
      }
      if (schedule.equals("constant")) {
        return lr;
      }
      double start = warmup > 0 ? warm : 0;
      double done = Math.min(1, (step - start) / Math.max(1, steps - start));
      return minLr + (lr - minLr) * 0.5 * (1 + StrictMath.cos(Math.PI * done));
    }
  }
}
