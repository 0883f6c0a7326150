package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.model.LayerKind;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The requested attention schedules: one for all layers, or one for each kind of layer.
 *
 * @param others for layers of kinds that are not named
 * @param named by kind of layer
 */
public record ScheduleSpec(String others, Map<LayerKind, String> named) {
  /** The values that a job file may contain. */
  public static final List<String> KEYS =
      List.of(MeshSpec.AUTO, "ring", "allgather", "balanced", "tokenring");

  /** The planner chooses for each row. */
  public static final ScheduleSpec AUTO = all(MeshSpec.AUTO);

  private static final String KEY = "mesh.schedule";

  public ScheduleSpec {
    Map<LayerKind, String> sorted = new EnumMap<>(LayerKind.class);
    sorted.putAll(named);
    named = Collections.unmodifiableMap(sorted);
    require(others);
    named.values().forEach(ScheduleSpec::require);
    Invalid.require(
        !named.containsKey(LayerKind.LINEAR),
        KEY,
        "'%s' layers have no attention schedule; leave them out".formatted(LayerKind.LINEAR.key()));
  }

  private static void require(String schedule) {
    Invalid.require(
        KEYS.contains(schedule),
        KEY,
        "'%s' must be one of %s".formatted(schedule, String.join(", ", KEYS)));
  }

  /** The same for all layers. */
  public static ScheduleSpec all(String schedule) {
    return new ScheduleSpec(schedule, Map.of());
  }

  /**
   * Reads what {@link #toString} writes.
   *
   * @param text {@code ring}, or {@code full_attention=ring,sliding_attention=allgather}; kinds
   *     left out are {@value MeshSpec#AUTO}
   * @throws Invalid if a kind or a schedule is not known
   */
  public static ScheduleSpec parse(String text) {
    if (text.indexOf('=') < 0) {
      return all(text.strip());
    }
    Map<LayerKind, String> named = new EnumMap<>(LayerKind.class);
    String others = MeshSpec.AUTO;
    for (String part : text.split(",", -1)) {
      int eq = part.indexOf('=');
      if (eq < 0) {
        others = part.strip();
      } else {
        named.put(LayerKind.of(part.substring(0, eq).strip(), KEY), part.substring(eq + 1).strip());
      }
    }
    return new ScheduleSpec(others, named);
  }

  /** The schedule of a kind of layer. */
  public String of(LayerKind kind) {
    return named.getOrDefault(kind, others);
  }

  @Override
  public String toString() {
    if (named.isEmpty()) {
      return others;
    }
    StringBuilder text = new StringBuilder();
    named.forEach(
        (kind, schedule) -> text.append(kind.key()).append('=').append(schedule).append(','));
    return text.append(others).toString();
  }
}
