package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.LayerKind;
import java.util.List;

/**
 * Which schedules the layers of a kind may run on, and why which one is taken: the forecasts are of
 * a row that is one document of the full length. With several, every row takes the one that is
 * predicted to be through first for it, with a margin for the first in the list.
 *
 * @param chosen the schedule of such a row
 * @param forecasts one for each schedule, the one that holds least memory first
 */
public record ScheduleChoice(LayerKind layers, String chosen, List<ScheduleForecast> forecasts) {
  public ScheduleChoice {
    forecasts = List.copyOf(forecasts);
    if (forecasts.stream().noneMatch(forecast -> forecast.schedule().equals(chosen))) {
      throw new InvalidPlanException(
          "schedule '%s' of %s layers is not among those forecast: %s"
              .formatted(chosen, layers.key(), forecasts));
    }
  }

  /** Keys of the schedules to choose from. */
  public List<String> candidates() {
    return forecasts.stream().map(ScheduleForecast::schedule).toList();
  }

  /** Whether rows may run on different schedules. */
  public boolean rowsChoose() {
    return forecasts.size() > 1;
  }

  /** What is predicted of the chosen one. */
  public ScheduleForecast forecast() {
    return forecasts.stream()
        .filter(forecast -> forecast.schedule().equals(chosen))
        .findFirst()
        .orElseThrow();
  }
}
