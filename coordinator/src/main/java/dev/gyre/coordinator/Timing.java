package dev.gyre.coordinator;

import java.time.Duration;

/**
 * Timeouts of a run.
 *
 * @param joinWithin from opening to the last worker's hello: measuring kernels, twice if one is
 *     slow
 * @param readyWithin from the plan to the last worker's ready: loading weights, warming kernels
 * @param lease a worker that is silent for this long is lost; heartbeats come every second
 * @param reportStillAfter a rank that enters no new phase for this long is reported, and so are
 *     workers that are awaited before the first step
 * @param verdictWithin how long the first evidence of a failure waits for better evidence of its
 *     cause
 * @param preemptionGrace from a preemption to the end, checkpoint included
 */
public record Timing(
    Duration joinWithin,
    Duration readyWithin,
    Duration lease,
    Duration reportStillAfter,
    Duration verdictWithin,
    Duration preemptionGrace) {
  public Timing {
    positive("joinWithin", joinWithin);
    positive("readyWithin", readyWithin);
    positive("lease", lease);
    positive("reportStillAfter", reportStillAfter);
    positive("verdictWithin", verdictWithin);
    positive("preemptionGrace", preemptionGrace);
  }

  /**
   * A lease is twenty heartbeats, because a worker on a busy or swapping machine may miss ten.
   * Three seconds are enough for a process to end and its launcher to report it. Kubernetes grants
   * 30 s after SIGTERM, of which five are for shutting down.
   */
  public static Timing defaults() {
    return new Timing(
        Duration.ofSeconds(240),
        Duration.ofMinutes(15),
        Duration.ofSeconds(20),
        Duration.ofSeconds(10),
        Duration.ofSeconds(3),
        Duration.ofSeconds(25));
  }

  private static void positive(String name, Duration value) {
    if (!value.isPositive()) {
      throw new IllegalArgumentException(name + " " + value + " is not positive");
    }
  }
}
