package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.SequenceStage;
import dev.gyre.partitioning.job.TrainSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * The effect of a changed number of steps on a resumed run: its learning rate and its stages of
 * sequence lengths are computed over the whole run.
 */
public final class StepsChange {
  private StepsChange() {}

  /**
   * Lines for the user, such as {@code rate at step 11: 6.0e-4, was 0.0 (cosine over 20 steps
   * instead of 10)}; none if the next step is unchanged.
   *
   * @param done steps that are done
   * @param before steps of the whole run so far
   * @param now steps of the whole run from here on
   */
  public static List<String> describe(TrainSpec train, long done, long before, long now) {
    List<String> lines = new ArrayList<>();
    TrainSpec.Optimizer optimizer = train.optimizer();
    double was = optimizer.lrAt(done, before);
    double is = optimizer.lrAt(done, now);
    if (was != is) {
      lines.add(
          "rate at step %d: %s, was %s (%s over %d steps instead of %d)"
              .formatted(done + 1, show(is), show(was), optimizer.schedule(), now, before));
    }
    List<SequenceStage> stages = train.curriculum();
    if (stages.size() > 1 && before != now) {
      lines.add(
          ("sequences at step %d: %d tokens, were %d (stages over %d steps instead of %d; rows may"
                  + " come twice or be left out)")
              .formatted(
                  done + 1,
                  tokensAt(stages, done, now),
                  tokensAt(stages, done, before),
                  now,
                  before));
    }
    return lines;
  }

  private static int tokensAt(List<SequenceStage> stages, long step, long steps) {
    long[] first = SequenceStage.firstSteps(stages, steps);
    int at = 0;
    while (at + 1 < first.length && first[at + 1] <= step) {
      at++;
    }
    return stages.get(at).tokens();
  }

  private static String show(double rate) {
    return rate == 0
        ? "0.0"
        : String.format(Locale.ROOT, "%.1e", rate).replace("e-0", "e-").replace("e+00", "");
  }
}
