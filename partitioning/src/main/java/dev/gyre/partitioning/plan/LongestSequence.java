package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.mesh.Axis;
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
   * @param dryRun counts the memory of a pass
   * @param plan gives mesh, dtype, schedule and layout
   * @param workerBytes memory of one worker
   */
  static LongestSequence of(DryRun dryRun, JobSpec job, Plan plan, long workerBytes) {
    List<Longest> found = new ArrayList<>();
    MemorySpec asked = job.train().memory();
    int lossTile = MemoryModel.lossTile(job.model());
    Search search = new Search(dryRun, job, plan, workerBytes);
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

    /** Tiles of an MLP on each rank of the first try. */
    private static final int TILES = 16;

    private final DryRun dryRun;
    private final JobSpec job;
    private final Plan plan;
    private final RowSchedules schedules;
    private final long workerBytes;

    /** By row length in steps; the same for every policy, and the schedules in it are large. */
    private final Map<Integer, MemoryModel> models = new HashMap<>();

    Search(DryRun dryRun, JobSpec job, Plan plan, long workerBytes) {
      this.dryRun = dryRun;
      this.job = job;
      this.plan = plan;
      this.workerBytes = workerBytes;
      this.schedules =
          new RowSchedules(job.model(), plan.mesh(), plan.dtype(), plan.transport(), plan.rates());
    }

    /**
     * Tokens. In rows that have many tiles on each rank, every further token takes the same memory.
     * So the answer is where a line through two tries reaches what a worker has.
     */
    int longest(ActivationPlan policy) {
      long perToken =
          Math.max(job.model().heads().queries(), 2L * Math.max(1, job.model().expertsPerToken()));
      int most = (int) Math.min(1 << 30, MOST_INDEXED / perToken) / STEP_TOKENS;
      int own = job.train().sequenceLength() / STEP_TOKENS;
      int tiled =
          TILES * PolicyChoice.TILE / STEP_TOKENS * plan.mesh().degree(Axis.RING, Axis.ULYSSES);
      int near = Math.max(1, Math.min(most / 2, Math.max(own, tiled)));
      long ofNear = bytes(policy, near);
      if (ofNear > workerBytes) {
        return largest(policy, near) * STEP_TOKENS;
      }
      long ofMore = bytes(policy, 2 * near) - ofNear;
      long steps =
          Math.min(
              most, near + (long) (near * ((double) (workerBytes - ofNear) / Math.max(1, ofMore))));
      return (int) (steps - steps / EXACT) * STEP_TOKENS;
    }

    private long bytes(ActivationPlan policy, int steps) {
      return models.computeIfAbsent(steps, this::model).total(policy);
    }

    /**
     * The largest number of steps that fits, less at most a {@value #EXACT}th; 0 if not even 1
     * does.
     */
    private int largest(ActivationPlan policy, int tooMany) {
      int fits = 0;
      int above = tooMany;
      while (above - fits > Math.max(1, fits / EXACT)) {
        int middle = fits + (above - fits) / 2;
        if (bytes(policy, middle) <= workerBytes) {
          fits = middle;
        } else {
          above = middle;
        }
      }
      return fits;
    }

    private MemoryModel model(int steps) {
      // A plan drops the schedules that do not fit in memory.
      return MemoryModel.of(
          dryRun,
          schedules,
          RowSchedules.least(plan.candidates()),
          plan.layout(),
          plan.minChunk(),
          steps * STEP_TOKENS);
    }
  }
}
