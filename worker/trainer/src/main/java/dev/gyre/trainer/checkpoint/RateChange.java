package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.TrainSpec;
import java.util.Locale;
import java.util.Optional;

/** What another number of steps does to the learning rate of a run that goes on. */
public final class RateChange {
  private RateChange() {}

  /**
   * One line for a person, such as {@code rate at step 11: 6.0e-4, was 0.0 (cosine over 20 steps
   * instead of 10)}; empty if the next step's rate stays.
   *
   * @param done steps that are done
   * @param before steps of the whole run so far
   * @param now steps of the whole run from here on
   */
  public static Optional<String> describe(
      TrainSpec.Optimizer optimizer, long done, long before, long now) {
    double was = optimizer.lrAt(done, before);
    double is = optimizer.lrAt(done, now);
    return was == is
        ? Optional.empty()
        : Optional.of(
            "rate at step %d: %s, was %s (%s over %d steps instead of %d)"
                .formatted(done + 1, show(is), show(was), optimizer.schedule(), now, before));
  }

  private static String show(double rate) {
    return rate == 0
        ? "0.0"
        : String.format(Locale.ROOT, "%.1e", rate).replace("e-0", "e-").replace("e+00", "");
  }
}
