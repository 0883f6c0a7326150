package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.job.JobSpec;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeSet;

/** Compares a resuming run with the run that saved the checkpoint. */
public final class ResumeCheck {
  private static final String ABSENT = "(absent)";

  private ResumeCheck() {}

  /** A key that differs. */
  public record Difference(String key, String saved, String now) {
    @Override
    public String toString() {
      return key + ": " + saved + " -> " + now;
    }
  }

  /**
   * @param folder of the checkpoint, for the message
   * @return permitted differences of the execution environment; if empty, the resume is
   *     bit-identical
   * @throws ResumeRefusedException if data or arithmetic differ; lists every difference
   */
  public static List<Difference> check(Path folder, RunIdentity saved, RunIdentity now) {
    List<Difference> refused = differences(saved.arithmetic(), now.arithmetic());
    if (!saved.data().equals(now.data())) {
      refused.add(new Difference("training data (fingerprint)", saved.data(), now.data()));
    }
    if (!refused.isEmpty()) {
      throw new ResumeRefusedException(folder, refused);
    }
    return differences(saved.circumstances(), now.circumstances());
  }

  /**
   * The part of {@link #check} that needs neither data nor a plan: what the job says.
   *
   * @throws ResumeRefusedException if the arithmetic differs; lists every difference
   */
  public static void requireSameJob(Path folder, RunIdentity saved, JobSpec job) {
    String dtype = job.train().dtype();
    String planned = saved.arithmetic().getOrDefault(RunIdentity.DTYPE, dtype);
    check(
        folder,
        saved,
        RunIdentity.of(
            job, dtype.equals("auto") ? planned : dtype, saved.data(), saved.circumstances()));
  }

  /** Steps of the whole run that saved a checkpoint, by its identity; 0 if it does not say. */
  public static long steps(RunIdentity saved) {
    return Long.parseLong(saved.circumstances().getOrDefault(RunIdentity.STEPS, "0"));
  }

  private static List<Difference> differences(
      SortedMap<String, String> saved, SortedMap<String, String> now) {
    TreeSet<String> keys = new TreeSet<>(saved.keySet());
    keys.addAll(now.keySet());
    List<Difference> found = new ArrayList<>();
    for (String key : keys) {
      String former = RunIdentity.unstated(key).orElse(ABSENT);
      Difference one =
          new Difference(key, saved.getOrDefault(key, former), now.getOrDefault(key, ABSENT));
      if (!one.saved().equals(one.now())) {
        found.add(one);
      }
    }
    return found;
  }
}
