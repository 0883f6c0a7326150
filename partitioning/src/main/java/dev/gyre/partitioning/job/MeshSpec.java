package dev.gyre.partitioning.job;

import java.util.List;

/**
 * The degrees a person asks for, and how rows are shared over a ring; 0 or {@value #AUTO} leaves
 * one to the plan.
 *
 * @param workers dataParallel · ring · ulysses where those are given
 * @param schedule what attention sends round the ring, and how
 * @param layout {@value #AUTO}, zigzag, striped or contiguous
 */
public record MeshSpec(
    int workers,
    int dataParallel,
    int ring,
    int ulysses,
    int expertParallel,
    ScheduleSpec schedule,
    String layout) {
  /** The plan chooses. */
  public static final String AUTO = "auto";

  public MeshSpec {
    atLeastZero("workers", workers);
    atLeastZero("data-parallel", dataParallel);
    atLeastZero("ring", ring);
    atLeastZero("ulysses", ulysses);
    atLeastZero("expert-parallel", expertParallel);
    oneOf("layout", layout, List.of(AUTO, "zigzag", "striped", "contiguous"));
  }

  /** Degrees only. */
  public MeshSpec(int workers, int dataParallel, int ring, int ulysses, int expertParallel) {
    this(workers, dataParallel, ring, ulysses, expertParallel, ScheduleSpec.AUTO, AUTO);
  }

  private static void oneOf(String key, String value, List<String> known) {
    Invalid.require(
        known.contains(value),
        "mesh." + key,
        "'%s' must be one of %s".formatted(value, String.join(", ", known)));
  }

  private static void atLeastZero(String key, int value) {
    Invalid.require(value >= 0, "mesh." + key, value + " is negative");
  }
}
