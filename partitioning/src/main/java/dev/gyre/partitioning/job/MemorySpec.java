package dev.gyre.partitioning.job;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import java.util.List;
import java.util.Map;

/**
 * Activation recomputation, offload and MLP tiles. No setting changes the result of training,
 * except that an MLP tile changes the order of a sum, and so its last bits.
 *
 * @param recompute activations that blocks recompute in the backward pass: {@code auto}, {@code
 *     none} (all are kept), {@code attention-saving} (all but attention's output) or {@code all}
 * @param offload {@code auto}, {@code true} or {@code false}: whether saved activations are
 *     offloaded to disk
 * @param offloadFolder where; empty for the run's folder
 * @param mlpTile tokens of an MLP tile, whose gate, up and hidden activations are in memory at
 *     once; 0 for one tile; {@link #AUTO_TILE}
 */
public record MemorySpec(String recompute, String offload, String offloadFolder, int mlpTile)
    implements Spec<MemorySpec> {
  public static final String AUTO = "auto";

  /** The name of {@code all} in earlier builds. */
  public static final String FORMER_ALL = "full";

  /** The planner chooses the tile. */
  public static final int AUTO_TILE = -1;

  public static final List<String> RECOMPUTES = List.of(AUTO, "none", "attention-saving", "all");
  public static final List<String> OFFLOADS = List.of(AUTO, "true", "false");
  public static final NumberRange MLP_TILE = NumberRange.whole(AUTO_TILE, 1L << 30);

  /** Keys of the section {@code train}. */
  public static final Key KEYS =
      Key.section(
              "",
              "Activation recomputation, offload and MLP tiles.",
              Key.choice(
                      "recompute",
                      "auto",
                      "Activations to recompute in the backward pass; auto: the fastest that fits.",
                      RECOMPUTES)
                  .formerly("activations", Map.of(FORMER_ALL, "all"))
                  .planned(AUTO)
                  .original(),
              Key.choice(
                      "offload",
                      "auto",
                      "Offload saved activations to disk. auto: only if no in-memory policy fits.",
                      OFFLOADS)
                  .planned(AUTO)
                  .original(),
              Key.text(
                      "offload-folder", "", "Folder for offloaded activations. Default: the run's.")
                  .original(),
              Key.number(
                      "mlp-tile",
                      "-1",
                      MLP_TILE,
                      "Tokens per tile of an MLP or expert; 0: one tile; -1: the plan chooses.")
                  .original())
          .changes(Effect.EXECUTION);

  public MemorySpec {
    Invalid.requireOneOf(RECOMPUTES, "train.recompute", recompute);
    Invalid.requireOneOf(OFFLOADS, "train.offload", offload);
    MLP_TILE.require("train.mlp-tile", mlpTile);
  }

  /** The defaults of all keys: the planner chooses every setting. */
  public static MemorySpec planned() {
    return KeyValue.defaults(MemorySpec.class, KEYS, Map.of());
  }

  /** A policy that leaves the planner no choice, with the run's folder for what is offloaded. */
  public static MemorySpec of(String recompute, String offload, int mlpTile) {
    return planned().with(Map.of("recompute", recompute, "offload", offload, "mlpTile", mlpTile));
  }
}
