package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.layout.LayoutKind;

/**
 * Predicted time of rows in one layout, each kind of layer with the fastest schedule that supports
 * it.
 *
 * @param micros of all layers' attention, forward and backward, over two rows of the full length:
 *     one document, and documents of a half, a quarter, an eighth and so on
 */
public record LayoutForecast(LayoutKind layout, long micros) {
  public LayoutForecast {
    NumberRange.wholeAtLeast(0).require("micros", micros);
  }
}
