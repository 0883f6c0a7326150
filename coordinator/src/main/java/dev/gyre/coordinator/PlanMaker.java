package dev.gyre.coordinator;

import java.time.Duration;
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
   * @param failStillAfter a rank that enters no new phase for so long ends the run; above the
   *     transport's own deadline, which knows more
   */
  record Planned(String json, Duration failStillAfter) implements Result {}

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
