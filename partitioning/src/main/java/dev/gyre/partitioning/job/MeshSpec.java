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

  /** 0 leaves a degree to the plan. */
  public static final NumberRange DEGREE = NumberRange.whole(0, 1024);

  public static final List<String> LAYOUTS = List.of(AUTO, "zigzag", "striped", "contiguous");

  public MeshSpec {
    DEGREE.require("mesh.workers", workers);
    DEGREE.require("mesh.data-parallel", dataParallel);
    DEGREE.require("mesh.ring", ring);
    DEGREE.require("mesh.ulysses", ulysses);
    DEGREE.require("mesh.expert-parallel", expertParallel);
    Invalid.requireOneOf(LAYOUTS, "mesh.layout", layout);
  }

  /** Degrees only. */
  public MeshSpec(int workers, int dataParallel, int ring, int ulysses, int expertParallel) {
    this(workers, dataParallel, ring, ulysses, expertParallel, ScheduleSpec.AUTO, AUTO);
  }
}
