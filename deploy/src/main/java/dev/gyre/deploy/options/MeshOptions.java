package dev.gyre.deploy.options;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The options for the four degrees of a mesh. */
public final class MeshOptions {
  @Option(names = "--data-parallel", paramLabel = "D", description = "Data-parallel degree.")
  private @Nullable Integer dataParallel;

  @Option(names = "--ring", paramLabel = "R", description = "Ring attention degree.")
  private @Nullable Integer ring;

  @Option(names = "--ulysses", paramLabel = "U", description = "Ulysses degree.")
  private @Nullable Integer ulysses;

  @Option(names = "--expert-parallel", paramLabel = "X", description = "Expert-parallel degree.")
  private @Nullable Integer expertParallel;

  /** Whether a degree that determines the number of workers was given. */
  boolean anyDegree() {
    return dataParallel != null || ring != null || ulysses != null;
  }

  /** The degrees that were given, by their key below {@code mesh}. */
  Map<String, Integer> given() {
    Map<String, Integer> given = new LinkedHashMap<>();
    put(given, "data-parallel", dataParallel);
    put(given, "ring", ring);
    put(given, "ulysses", ulysses);
    put(given, "expert-parallel", expertParallel);
    return given;
  }

  private static void put(Map<String, Integer> given, String key, @Nullable Integer value) {
    if (value != null) {
      given.put(key, value);
    }
  }

  /**
   * The mesh of these options alone. A degree that was not given is 1; expert-parallel stays open.
   *
   * @throws Invalid naming an option with an invalid degree
   */
  public MeshSpec alone() {
    return alone(ScheduleSpec.AUTO);
  }

  /** The same with a schedule. */
  public MeshSpec alone(ScheduleSpec schedule) {
    Map<String, Integer> given = given();
    given.forEach(
        (key, degree) -> {
          if (!key.equals("expert-parallel")) {
            Mesh.DEGREE.require("--" + key, degree);
          }
        });
    return MeshSpec.of(
            0,
            given.getOrDefault("data-parallel", 1),
            given.getOrDefault("ring", 1),
            given.getOrDefault("ulysses", 1),
            given.getOrDefault("expert-parallel", 0))
        .with("schedule", schedule);
  }
}
