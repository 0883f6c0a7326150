package dev.gyre.partitioning.job;

import java.util.List;

/**
 * Which activations a step keeps, and where. No choice here changes a value that is trained; only
 * an MLP tile changes last bits, as it orders a sum.
 *
 * @param recompute activations that blocks recompute in the backward pass: {@code auto}, {@code
 *     none} (all are kept), {@code attention-saving} (all but attention's output) or {@code all};
 *     {@value #FORMER_ALL}, which jobs of earlier versions say, becomes {@code all}
 * @param offload {@code auto}, {@code true} or {@code false}: whether kept activations are on disk
 * @param offloadFolder where; empty for the run's folder
 * @param mlpTile tokens whose gate, up and hidden exist at once; 0 for all; {@link #AUTO_TILE}
 */
public record MemorySpec(String recompute, String offload, String offloadFolder, int mlpTile) {
  public static final String AUTO = "auto";
  public static final String FORMER_ALL = "full";

  /** Leaves the tile to the plan. */
  public static final int AUTO_TILE = -1;

  public static final List<String> RECOMPUTES = List.of(AUTO, "none", "attention-saving", "all");
  public static final List<String> OFFLOADS = List.of(AUTO, "true", "false");
  public static final NumberRange MLP_TILE = NumberRange.whole(AUTO_TILE, 1L << 30);

  /** Leaves all to the plan. */
  public static final MemorySpec PLANNED = new MemorySpec(AUTO, AUTO, "", AUTO_TILE);

  public MemorySpec {
    recompute = recompute.equals(FORMER_ALL) ? "all" : recompute;
    Invalid.requireOneOf(RECOMPUTES, "train.recompute", recompute);
    Invalid.requireOneOf(OFFLOADS, "train.offload", offload);
    MLP_TILE.require("train.mlp-tile", mlpTile);
  }
}
