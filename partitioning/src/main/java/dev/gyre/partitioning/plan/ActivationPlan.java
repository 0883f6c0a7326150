package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.NumberRange;
import dev.gyre.partitioning.job.TrainSpec;

/**
 * Which activations blocks recompute in the backward pass, where kept ones are, and in which tiles
 * blocks compute.
 *
 * @param recompute {@code none} (all are kept), {@code attention-saving} or {@code all}; {@value
 *     MemorySpec#FORMER_ALL}, which plans of earlier versions say, becomes {@code all}
 * @param offload whether kept activations are on disk
 * @param mlpTile tokens or expert rows whose gate, up and hidden exist at once; 0 for all
 * @param lossTile tokens whose logits exist at once
 * @param reason why, for a person
 */
public record ActivationPlan(
    String recompute, boolean offload, int mlpTile, int lossTile, String reason) {
  public static final String NONE = "none";
  public static final String ATTENTION_SAVING = "attention-saving";
  public static final String ALL = "all";

  public ActivationPlan {
    recompute = recompute.equals(MemorySpec.FORMER_ALL) ? ALL : recompute;
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

  /** For a person, for example {@code attention-saving, MLP in tiles of 2048, on disk}. */
  public String describe() {
    return recompute
        + (mlpTile == 0 ? "" : ", MLP in tiles of " + mlpTile)
        + (offload ? ", on disk" : "");
  }
}
