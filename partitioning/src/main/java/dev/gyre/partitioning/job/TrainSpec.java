package dev.gyre.partitioning.job;

/**
 * The training loop.
 *
 * @param sequenceLength most tokens of a row
 * @param batchTokens global tokens of a step, a multiple of sequenceLength; accumulation follows
 * @param steps optimizer steps
 * @param seed keys every random choice
 * @param dtype {@code auto}, {@code bf16} or {@code f32}
 * @param balanceLoss α of the load-balance loss
 * @param zLoss coefficient of the router z-loss
 * @param nonFinite {@code fail} or {@code skip} when a loss or norm is not finite
 * @param memory what a step may keep, and where
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
    MemorySpec memory) {

  /** Leaves to the plan what a step keeps. */
  public TrainSpec(
      int sequenceLength,
      long batchTokens,
      long steps,
      long seed,
      String dtype,
      double balanceLoss,
      double zLoss,
      String nonFinite,
      Optimizer optimizer) {
    this(
        sequenceLength,
        batchTokens,
        steps,
        seed,
        dtype,
        balanceLoss,
        zLoss,
        nonFinite,
        optimizer,
        MemorySpec.PLANNED);
  }

  /** The same loop, keeping other things. */
  public TrainSpec withMemory(MemorySpec other) {
    return new TrainSpec(
        sequenceLength,
        batchTokens,
        steps,
        seed,
        dtype,
        balanceLoss,
        zLoss,
        nonFinite,
        optimizer,
        other);
  }

  public TrainSpec {
    Invalid.require(
        sequenceLength > 0, "train.sequence-length", sequenceLength + " must be positive");
    Invalid.require(
        batchTokens > 0 && batchTokens % sequenceLength == 0,
        "train.batch-tokens",
        batchTokens + " must be a multiple of train.sequence-length " + sequenceLength);
    Invalid.require(steps >= 0, "train.steps", steps + " is negative");
    Invalid.require(
        dtype.equals("auto") || dtype.equals("bf16") || dtype.equals("f32"),
        "train.dtype",
        "'" + dtype + "' must be auto, bf16 or f32");
    Invalid.require(balanceLoss >= 0, "train.balance-loss", balanceLoss + " is negative");
    Invalid.require(zLoss >= 0, "train.z-loss", zLoss + " is negative");
    Invalid.require(
        nonFinite.equals("fail") || nonFinite.equals("skip"),
        "train.non-finite",
        "'" + nonFinite + "' must be fail or skip");
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
      double eps) {
    public Optimizer {
      Invalid.require(lr >= 0, "train.optimizer.lr", lr + " is negative");
      Invalid.require(
          warmup >= 0 && warmup <= 1, "train.optimizer.warmup", warmup + " must be from 0 to 100%");
      Invalid.require(
          schedule.equals("cosine") || schedule.equals("constant"),
          "train.optimizer.schedule",
          "'" + schedule + "' must be cosine or constant");
      Invalid.require(clip >= 0, "train.optimizer.clip", clip + " is negative");
    }

    /**
     * Learning rate of a step.
     *
     * @param step from 0
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
      double done = Math.min(1, (step + 1 - start) / Math.max(1, steps - start));
      return minLr + (lr - minLr) * 0.5 * (1 + StrictMath.cos(Math.PI * done));
    }
  }
}
