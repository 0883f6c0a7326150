package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.layout.LayoutKind;
import java.util.List;

/**
 * The layout of rows, and why it was chosen.
 *
 * @param forecasts of the candidate layouts; none if the job names a layout, a schedule supports
 *     only one, or rates are unknown
 */
public record LayoutChoice(LayoutKind chosen, List<LayoutForecast> forecasts) {
  public LayoutChoice {
    forecasts = List.copyOf(forecasts);
  }
}
