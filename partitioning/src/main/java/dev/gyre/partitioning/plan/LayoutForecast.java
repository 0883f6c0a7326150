package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.NumberRange;
import dev.gyre.partitioning.layout.LayoutKind;

/**
 * What rows in one layout are predicted to take, each kind of layer on the soonest schedule that
 * works there.
 *
 * @param micros of all layers' attention, forward and backward, over two rows of the full length:
 *     one document, and documents of a half, a quarter, an eighth and so on
 */
public record LayoutForecast(LayoutKind layout, long micros) {
  public LayoutForecast {
    NumberRange.wholeAtLeast(0).require("micros", micros);
  }
}
