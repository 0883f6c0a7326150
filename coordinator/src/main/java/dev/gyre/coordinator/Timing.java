package dev.gyre.coordinator;

import java.time.Duration;

/**
 * The limits of a run's waits.
 *
 * @param joinWithin from opening to the last worker's hello: measuring kernels, twice if one is
 *     slow
 * @param readyWithin from the plan to the last worker's ready: loading weights, warming kernels
 * @param lease a worker from which nothing is heard for so long is lost; workers beat every second
 * @param reportStillAfter a rank that enters no new phase for so long is reported, and so is
 *     whoever is awaited before the first step
 * @param verdictWithin how long the first sign of trouble waits for better evidence of its cause
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
   * Twenty missed beats are a lease: a worker on a busy or swapping machine lives through ten.
   * Three seconds see a process end and its launcher say so. Kubernetes grants 30 s after SIGTERM:
   * five are for leaving.
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
