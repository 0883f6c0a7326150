package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;

/**
 * Predicted time and traffic of one schedule.
 *
 * @param schedule key of its kind
 * @param micros of a layer's forward and backward attention over one row; 0 if a rate is unknown
 * @param bytes that all ranks of the row's ring and Ulysses send for it, together
 */
public record ScheduleForecast(String schedule, long micros, long bytes) {
  public ScheduleForecast {
    NumberRange.wholeAtLeast(0).require("micros", micros);
    NumberRange.wholeAtLeast(0).require("bytes", bytes);
  }
}
