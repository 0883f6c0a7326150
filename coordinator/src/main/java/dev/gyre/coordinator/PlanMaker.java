package dev.gyre.coordinator;

import java.time.Duration;
import java.util.List;

/**
 * Makes the run's plan, once, when every worker has joined. May block; called outside the
 * coordinator's loop.
 */
@FunctionalInterface
public interface PlanMaker {
  /** Result of planning. */
  sealed interface Result {}

  /**
   * @param json the plan as it goes to every worker and into the run's folder
   * @param failStillAfter a rank that enters no new phase for this long fails the run. Longer than
   *     the transport's deadline, whose error has more detail
   */
  record Planned(String json, Duration failStillAfter) implements Result {}

  /**
   * The job cannot run on these workers.
   *
   * @param reason message for the user: the value, the limit and what to change
   */
  record Refused(String reason) implements Result {}

  /**
   * @param workers one per rank, by rank
   */
  Result plan(List<JoinedWorker> workers);
}
