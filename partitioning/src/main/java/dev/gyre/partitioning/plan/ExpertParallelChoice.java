package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MemorySpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the number of ranks that experts are divided over. With few ranks, each holds more
 * experts: no rank waits for the one with the hot expert and rows are not sent, but there are more
 * weights to hold and more gradients to sum.
 */
final class ExpertParallelChoice {
  private ExpertParallelChoice() {}

  /**
   * The plan with the lowest predicted step time among those that recompute least; with equal times
   * the one with the least memory. If none fits, the one that needs least.
   *
   * @param plans of one job, by ascending degree, with known step times
   * @param asked what the job says about activations
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
