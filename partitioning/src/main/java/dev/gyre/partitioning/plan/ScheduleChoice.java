package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.model.LayerKind;
import java.util.List;

/**
 * The candidate schedules of a kind of layer, with forecasts for a row that is one document of the
 * full length. With several candidates, each row uses the one with the lowest predicted time, with
 * a margin in favour of the first in the list.
 *
 * @param chosen the schedule of such a row
 * @param forecasts one for each schedule, the one with the least memory first
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

  /** The forecast of the chosen schedule. */
  public ScheduleForecast forecast() {
    return forecasts.stream()
        .filter(forecast -> forecast.schedule().equals(chosen))
        .findFirst()
        .orElseThrow();
  }
}
