package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Predicted step time and memory of a job at one expert-parallel degree.
 *
 * @param expertParallel ranks of an expert group
 * @param micros of a step
 * @param memoryBytes of the fullest rank
 */
public record ExpertParallelForecast(int expertParallel, long micros, long memoryBytes) {
  public ExpertParallelForecast {
    NumberRange.wholeAtLeast(1).require("expertParallel", expertParallel);
    NumberRange.wholeAtLeast(0).require("micros", micros);
    NumberRange.wholeAtLeast(0).require("memoryBytes", memoryBytes);
  }
}
