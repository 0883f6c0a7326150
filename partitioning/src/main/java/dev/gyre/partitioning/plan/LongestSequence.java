package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.model.LayerKind;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The longest rows that a plan's mesh and schedule can train with the given memory per worker, to
 * one part in 64.
 *
 * @param policies the longest row for each policy that the job allows, fastest first
 */
public record LongestSequence(List<Longest> policies) {
  /** Row lengths are tested in steps of this many tokens; shorter ones fit if these do. */
  static final int STEP_TOKENS = 1024;

  /** Message sizes and indices are 32-bit. */
  private static final long MOST_INDEXED = Integer.MAX_VALUE;

  public LongestSequence {
    policies = List.copyOf(policies);
  }

  /**
   * @param tokens most tokens of a row, a multiple of {@value #STEP_TOKENS}; 0 if not even one such
   *     step fits
   */
  public record Longest(ActivationPlan policy, int tokens) {}

  /**
   * @param plan gives mesh, dtype, schedule and layout
   * @param workerBytes memory of one worker
   */
  public static LongestSequence of(JobSpec job, Plan plan, long workerBytes) {
    List<Longest> found = new ArrayList<>();
    MemorySpec asked = job.train().memory();
    int lossTile = MemoryModel.lossTile(job.model());
    Search search = new Search(job, plan, workerBytes);
    for (ActivationPlan policy : PolicyChoice.candidates(asked, lossTile)) {
      found.add(new Longest(policy, search.longest(policy)));
    }
    return new LongestSequence(found);
  }

  /** The longest of all, with the fastest policy that reaches it. */
  public Longest best() {
    Longest best = policies.getFirst();
    for (Longest l : policies) {
      best = l.tokens() > best.tokens() ? l : best;
    }
    return best;
  }

  /** Tries row lengths, the job's own first: rows are seldom far from what fits. */
  private static final class Search {
    private final JobSpec job;
    private final Plan plan;
    private final long workerBytes;

    /** By row length in steps; the same for every policy, and the schedules in it are large. */
    private final Map<Integer, MemoryModel> models = new HashMap<>();

    Search(JobSpec job, Plan plan, long workerBytes) {
      this.job = job;
      this.plan = plan;
      this.workerBytes = workerBytes;
    }

    int longest(ActivationPlan policy) {
      long perToken =
          Math.max(job.model().heads().queries(), 2L * Math.max(1, job.model().expertsPerToken()));
      int most = (int) Math.min(1 << 30, MOST_INDEXED / perToken) / STEP_TOKENS;
      int fits = Math.clamp(job.train().sequenceLength() / STEP_TOKENS, 1, Math.max(1, most));
      int above = most + 1;
      while (fits > 0 && !isEnough(policy, fits)) {
        above = fits;
        fits /= 2;
      }
      while (fits > 0 && 2L * fits < above && isEnough(policy, 2 * fits)) {
        fits *= 2;
      }
      above = (int) Math.min(above, Math.max(1, 2L * fits));
      while (above - fits > Math.max(1, fits / 64)) {
        int middle = fits + (above - fits) / 2;
        if (isEnough(policy, middle)) {
          fits = middle;
        } else {
          above = middle;
        }
      }
      return fits * STEP_TOKENS;
    }

    private boolean isEnough(ActivationPlan policy, int steps) {
      // Schedules are large; what a rank needs beside them often answers already.
      return model(steps, Map.of()).estimate(policy).total() <= workerBytes
          && models.computeIfAbsent(steps, this::model).estimate(policy).total() <= workerBytes;
    }

    private MemoryModel model(int steps) {
      // A plan drops the schedules that do not fit in memory.
      return model(steps, RowSchedules.least(plan.candidates()));
    }

    private MemoryModel model(int steps, Map<LayerKind, List<String>> candidates) {
      int length = steps * STEP_TOKENS;
      RowSchedules schedules =
          new RowSchedules(job.model(), plan.mesh(), plan.dtype(), plan.transport(), plan.rates());
      SequenceLayout row = plan.layoutOf(new Documents(length));
      return Planner.memory(
          job.model(),
          plan.mesh(),
          plan.dtype(),
          plan.layout(),
          length,
          schedules.all(candidates, row));
    }
  }
}
