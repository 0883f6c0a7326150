package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LayoutKind;
import java.util.List;

/**
 * How rows are dealt, and why.
 *
 * @param forecasts of the layouts there were to choose from; none where the job names one, a
 *     schedule leaves only one, or there is nothing to choose by
 */
public record LayoutChoice(LayoutKind chosen, List<LayoutForecast> forecasts) {
  public LayoutChoice {
    forecasts = List.copyOf(forecasts);
  }
}
