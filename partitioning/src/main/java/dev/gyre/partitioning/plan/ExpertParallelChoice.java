package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MemorySpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the number of ranks that experts are divided over. With a smaller degree each rank holds
 * more experts. That reduces load imbalance and all-to-all traffic, but needs more memory for
 * weights and more gradient reduction.
 */
final class ExpertParallelChoice {
  private ExpertParallelChoice() {}

  /**
   * The plan with the lowest predicted step time among those that recompute least; with equal times
   * the one with the least memory. If none fits, the one that needs the least memory.
   *
   * @param plans of one job, by ascending degree, with known step times
   * @param asked the job's activation settings
   * @param workerBytes memory of one worker
   */
  static Plan of(List<Plan> plans, MemorySpec asked, long workerBytes) {
    List<ExpertParallelForecast> forecasts = new ArrayList<>();
    Plan best = plans.getFirst();
    for (Plan plan : plans) {
      long memory = plan.memory().total();
      forecasts.add(
          new ExpertParallelForecast(plan.mesh().expertParallel(), plan.stepMicros(), memory));
      best = better(plan, best, asked, workerBytes) ? plan : best;
    }
    return best.withExpertForecasts(forecasts);
  }

  private static boolean better(Plan one, Plan other, MemorySpec asked, long workerBytes) {
    boolean fits = one.memory().total() <= workerBytes;
    boolean otherFits = other.memory().total() <= workerBytes;
    if (!fits || !otherFits) {
      return fits || (!otherFits && one.memory().total() <= other.memory().total());
    }
    List<String> policies =
        PolicyChoice.candidates(asked, 1).stream().map(ActivationPlan::describe).toList();
    int policy = policies.indexOf(one.activations().describe());
    int otherPolicy = policies.indexOf(other.activations().describe());
    return policy == otherPolicy ? one.stepMicros() <= other.stepMicros() : policy < otherPolicy;
  }
}
