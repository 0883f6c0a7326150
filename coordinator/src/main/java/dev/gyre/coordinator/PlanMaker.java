package dev.gyre.coordinator;

import java.io.IOException;
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
   * @param times what the run's timeouts follow from
   */
  record Planned(String json, PlannedTimes times) implements Result {}

  /**
   * The job cannot run on these workers.
   *
   * @param reason message for the user: the value, the limit and what to change
   */
  record Refused(String reason) implements Result {}

  /**
   * @param workers one per rank, by rank
   * @throws IOException if the plan cannot be written; its message names the file
   */
  Result plan(List<JoinedWorker> workers) throws IOException;
}
