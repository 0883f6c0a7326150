package dev.gyre.deploy.run;

import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.job.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;

/** What would fail in every worker of a fresh run, found before one starts. */
public final class Preflight {
  private Preflight() {}

  /**
   * Memory would be taken, and schedules chosen, for rows that there cannot be.
   *
   * @throws Invalid if an epoch does not fill one row
   */
  public static void requireRows(JobSpec job, JobData data) {
    int row = job.train().sequenceLength();
    long tokens = data.feed().stats(0).tokens();
    if (row > tokens) {
      throw new Invalid(
          "train.sequence-length",
          String.format(
              Locale.ROOT,
              "a row of %,d tokens is longer than all that an epoch draws of dataset.train, %,d; make it %d or shorter, or add text",
              row,
              tokens,
              tokens));
    }
  }

  /**
   * Reads the weights of {@code model.from} once.
   *
   * @throws Invalid naming the tensor that is missing, has another shape, or holds values that are
   *     not finite
   */
  public static void requireWeights(JobSpec job) throws IOException {
    if (!job.modelFrom().isEmpty()) {
      try (HfWeights weights = HfWeights.open(Path.of(job.modelFrom()), job.model())) {
        weights.requireFinite();
      }
    }
  }
}
