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
import java.util.function.IntPredicate;

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

  /** Tries row lengths. */
  private static final class Search {
    /** Lengths are found up to this part of them. */
    private static final int EXACT = 64;

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
      // Schedules are large and need little memory, so what a rank needs beside them nearly
      // answers.
      IntPredicate besideSchedules =
          steps -> model(steps, Map.of()).estimate(policy).total() <= workerBytes;
      IntPredicate whole =
          steps ->
              models.computeIfAbsent(steps, this::model).estimate(policy).total() <= workerBytes;
      int start = Math.clamp(job.train().sequenceLength() / STEP_TOKENS, 1, Math.max(1, most));
      return below(near(start, most, besideSchedules), whole) * STEP_TOKENS;
    }

    /** As {@link #below}; numbers near the start are tried first. */
    private static int near(int start, int most, IntPredicate fits) {
      int at = start;
      int above = most + 1;
      while (at > 0 && !fits.test(at)) {
        above = at;
        at /= 2;
      }
      while (at > 0 && 2L * at < above && fits.test(2 * at)) {
        at *= 2;
      }
      return between(at, (int) Math.min(above, Math.max(1, 2L * at)), fits);
    }

    /**
     * The largest number up to a bound that passes, less at most a {@value #EXACT}th; 0 if not even
     * 1 does. Numbers near the bound are tried first.
     */
    private static int below(int bound, IntPredicate fits) {
      int above = bound + 1;
      int at = bound;
      for (long gap = exact(at); at > 0 && !fits.test(at); gap *= 2) {
        above = at;
        at = (int) Math.max(at > 1 ? 1 : 0, at - gap);
      }
      return between(at, above, fits);
    }

    /**
     * @param from passes, or is 0
     * @param to does not pass
     */
    private static int between(int from, int to, IntPredicate fits) {
      int at = from;
      int above = to;
      while (above - at > exact(at)) {
        int middle = at + (above - at) / 2;
        if (fits.test(middle)) {
          at = middle;
        } else {
          above = middle;
        }
      }
      return at;
    }

    private static int exact(int steps) {
      return Math.max(1, steps / EXACT);
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
