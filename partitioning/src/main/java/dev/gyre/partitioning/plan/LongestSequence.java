package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.LayerKind;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.SequenceLayout;
import java.util.ArrayList;
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
    for (ActivationPlan policy : PolicyChoice.candidates(asked, lossTile)) {
      found.add(new Longest(policy, longest(job, plan, policy, workerBytes)));
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

  private static int longest(JobSpec job, Plan plan, ActivationPlan policy, long workerBytes) {
    long perToken =
        Math.max(job.model().numAttentionHeads(), 2L * Math.max(1, job.model().numExpertsPerTok()));
    int most = (int) Math.min(1 << 30, MOST_INDEXED / perToken) / STEP_TOKENS;
    int fits = 0;
    int above = 1;
    while (above <= most && needs(job, plan, policy, above) <= workerBytes) {
      fits = above;
      above *= 2;
    }
    above = Math.min(above, most + 1);
    while (above - fits > Math.max(1, fits / 64)) {
      int middle = fits + (above - fits) / 2;
      if (needs(job, plan, policy, middle) <= workerBytes) {
        fits = middle;
      } else {
        above = middle;
      }
    }
    return fits * STEP_TOKENS;
  }

  private static long needs(JobSpec job, Plan plan, ActivationPlan policy, int steps) {
    int length = steps * STEP_TOKENS;
    RowSchedules schedules =
        new RowSchedules(job.model(), plan.mesh(), plan.dtype(), plan.transport(), plan.rates());
    // // A plan drops the schedules that do not fit in memory.
    Map<LayerKind, List<String>> least = RowSchedules.least(plan.candidates());
    SequenceLayout row = plan.layoutOf(new Documents(length));
    return Planner.memory(
            job.model(),
            plan.mesh(),
            plan.dtype(),
            plan.layout(),
            length,
            schedules.all(least, row))
        .estimate(policy)
        .total();
  }
}
