package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.NumberRange;
import dev.gyre.partitioning.job.TrainSpec;

/**
 * What blocks keep for their backward, where, and in which tiles they compute.
 *
 * @param keep {@code none} (all is kept, nothing computed again), {@code attention-saving} or
 *     {@code full}
 * @param offload whether it waits on disk
 * @param mlpTile tokens or expert rows whose gate, up and hidden exist at once; 0 for all
 * @param lossTile tokens whose logits exist at once
 * @param reason why, for a person
 */
public record ActivationPlan(
    String keep, boolean offload, int mlpTile, int lossTile, String reason) {
  public static final String NONE = "none";
  public static final String ATTENTION_SAVING = "attention-saving";
  public static final String FULL = "full";

  public ActivationPlan {
    if (!keep.equals(NONE) && !keep.equals(ATTENTION_SAVING) && !keep.equals(FULL)) {
      throw new InvalidPlanException(
          "activations '" + keep + "' of the plan must be none, attention-saving or full");
    }
    NumberRange.whole(0, (long) MemorySpec.MLP_TILE.most()).require("mlpTile", mlpTile);
    NumberRange.whole(1, (long) TrainSpec.SEQUENCE_LENGTH.most()).require("lossTile", lossTile);
  }

  /** As a job would ask for exactly this. */
  public MemorySpec asked(String offloadFolder) {
    return new MemorySpec(keep, Boolean.toString(offload), offloadFolder, mlpTile);
  }

  ActivationPlan withReason(String why) {
    return new ActivationPlan(keep, offload, mlpTile, lossTile, why);
  }

  /** For a person, for example {@code attention-saving, MLP in tiles of 2048, on disk}. */
  public String describe() {
    return keep
        + (mlpTile == 0 ? "" : ", MLP in tiles of " + mlpTile)
        + (offload ? ", on disk" : "");
  }
}
