package dev.gyre.coordinator;

import java.util.List;

/**
 * Makes the run's plan, once, when every worker has joined. May take its time; called off the loop.
 */
@FunctionalInterface
public interface PlanMaker {
  /** What came of planning. */
  sealed interface Result {}

  /**
   * @param json the plan as it goes to every worker and into the run's folder
   */
  record Planned(String json) implements Result {}

  /**
   * The job cannot run on these workers.
   *
   * @param reason for people: the value, the limit, the way out
   */
  record Refused(String reason) implements Result {}

  /**
   * @param workers one per rank, by rank
   */
  Result plan(List<JoinedWorker> workers);
}
