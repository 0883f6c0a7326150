package dev.gyre.partitioning.job;

import java.util.List;

/**
 * What a step may keep, and where. No choice here changes a value that is trained; only an MLP tile
 * changes last bits, as it orders a sum.
 *
 * @param activations {@code auto}, or what blocks keep for their backward: {@code none} (computes
 *     nothing again), {@code attention-saving}, {@code full}
 * @param offload {@code auto}, {@code true} or {@code false}: whether that waits on disk
 * @param offloadFolder where; empty for the run's folder
 * @param mlpTile tokens whose gate, up and hidden exist at once; 0 for all; {@link #AUTO_TILE}
 */
public record MemorySpec(String activations, String offload, String offloadFolder, int mlpTile) {
  public static final String AUTO = "auto";

  /** Leaves the tile to the plan. */
  public static final int AUTO_TILE = -1;

  public static final List<String> OFFLOADS = List.of(AUTO, "true", "false");
  public static final NumberRange MLP_TILE = NumberRange.whole(AUTO_TILE, 1L << 30);

  /** Leaves all to the plan. */
  public static final MemorySpec PLANNED = new MemorySpec(AUTO, AUTO, "", AUTO_TILE);

  public MemorySpec {
    Invalid.require(
        activations.equals(AUTO)
            || activations.equals("none")
            || activations.equals("attention-saving")
            || activations.equals("full"),
        "train.activations",
        "'" + activations + "' must be auto, none, attention-saving or full");
    Invalid.requireOneOf(OFFLOADS, "train.offload", offload);
    MLP_TILE.require("train.mlp-tile", mlpTile);
  }
}
