package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.TrainSpec;

/**
 * Activation recomputation, offload and tile sizes of a plan.
 *
 * @param recompute {@code none} (all are kept), {@code attention-saving} or {@code all}
 * @param offload whether saved activations are offloaded to disk
 * @param mlpTile tokens or expert rows of an MLP tile, whose gate, up and hidden activations are in
 *     memory at once; 0 for one tile
 * @param lossTile tokens whose logits are in memory at once
 * @param reason why this policy was chosen, as text for messages
 */
public record ActivationPlan(
    String recompute, boolean offload, int mlpTile, int lossTile, String reason) {
  public static final String NONE = "none";
  public static final String ATTENTION_SAVING = "attention-saving";
  public static final String ALL = "all";

  public ActivationPlan {
    if (!recompute.equals(NONE) && !recompute.equals(ATTENTION_SAVING) && !recompute.equals(ALL)) {
      throw new InvalidPlanException(
          "recompute '" + recompute + "' of the plan must be none, attention-saving or all");
    }
    NumberRange.whole(0, (long) MemorySpec.MLP_TILE.most()).require("mlpTile", mlpTile);
    NumberRange.whole(1, (long) TrainSpec.SEQUENCE_LENGTH.most()).require("lossTile", lossTile);
  }

  ActivationPlan withReason(String why) {
    return new ActivationPlan(recompute, offload, mlpTile, lossTile, why);
  }

  /** Text for messages, for example {@code attention-saving, MLP in tiles of 2048, on disk}. */
  public String describe() {
    return recompute
        + (mlpTile == 0 ? "" : ", MLP in tiles of " + mlpTile)
        + (offload ? ", on disk" : "");
  }
}
