package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;

/**
 * A part of a run that trains on sequences of one length, as in a length curriculum.
 *
 * @param tokens most tokens of a sequence; documents that are longer are cut
 * @param share of the run's steps, above 0; the stages of a run sum to 1
 * @param batchTokens global tokens of a step, a multiple of {@code tokens}
 */
public record SequenceStage(int tokens, double share, long batchTokens) {
  public static final NumberRange SHARE =
      new NumberRange(0, true, 1, false, NumberRange.Kind.SHARE);
  private static final String KEY = "train.sequence-length";

  /** Shares are written with a few digits: three thirds as 33.3 % do not sum to 1 exactly. */
  private static final double ROUNDING = 0.01;

  public SequenceStage {
    TrainSpec.SEQUENCE_LENGTH.require(KEY, tokens);
    SHARE.require(KEY, share);
    TrainSpec.requireBatch(KEY, batchTokens, tokens);
  }

  static List<SequenceStage> checked(List<SequenceStage> stages) {
    double sum = stages.stream().mapToDouble(SequenceStage::share).sum();
    Invalid.require(
        stages.isEmpty() || Math.abs(sum - 1) <= ROUNDING,
        KEY,
        "the stages' shares sum to %.4g; they must sum to 100%%".formatted(sum));
    return List.copyOf(stages);
  }

  /** Sequences of a step. */
  public int sequencesPerStep() {
    return Math.toIntExact(batchTokens / tokens);
  }

  /**
   * Sequences that are packed in one row, so that short ones do not take a pass each. They do not
   * attend to each other. The largest number that divides a step's sequences and fits the longest
   * row.
   *
   * @param longest most tokens of a row of the run
   */
  public int sequencesPerRow(int longest) {
    int most = Math.min(sequencesPerStep(), Math.max(1, longest / tokens));
    while (sequencesPerStep() % most != 0) {
      most--;
    }
    return most;
  }

  /**
   * First step of each stage, from 0: boundaries are rounded to the nearest step.
   *
   * @param steps of the run
   */
  public static long[] firstSteps(List<SequenceStage> stages, long steps) {
    long[] first = new long[stages.size()];
    double share = 0;
    for (int i = 0; i < first.length; i++) {
      first[i] = Math.round(share * steps);
      share += stages.get(i).share();
    }
    return first;
  }
}
