package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.job.MemorySpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Chooses the cheapest activation policy that fits. In ascending order of cost: no recomputation;
 * MLP tiles, which recompute gate and up; attention-saving, which recomputes what grows with N;
 * all, which also recomputes what grows with N²; offload to disk.
 */
final class PolicyChoice {
  /**
   * Tokens of an MLP's tile: enough for matmuls at full speed. Gate, up and hidden of a tile take
   * 12 MiB at a width of 1,024 in bf16.
   */
  static final int TILE = 2048;

  private static final List<String> RECOMPUTES =
      List.of(ActivationPlan.NONE, ActivationPlan.ATTENTION_SAVING, ActivationPlan.ALL);

  private PolicyChoice() {}

  /**
   * @param asked the job's settings; those at auto are chosen
   * @param workerBytes memory of one worker
   * @return the first that fits; if none does, the one that needs the least memory
   */
  static ActivationPlan choose(
      MemorySpec asked, MemoryModel memory, int lossTile, long workerBytes) {
    List<ActivationPlan> candidates = candidates(asked, lossTile);
    ActivationPlan least = candidates.getFirst();
    long leastBytes = Long.MAX_VALUE;
    StringBuilder tooLarge = new StringBuilder();
    for (ActivationPlan candidate : candidates) {
      long bytes = memory.total(candidate);
      if (bytes <= workerBytes) {
        return candidate.withReason(
            tooLarge.isEmpty()
                ? candidates.size() == 1 ? "asked for" : "the fastest, and it fits"
                : "the fastest that fits %s: needs %s; %s"
                    .formatted(mib(workerBytes), mib(bytes), tooLarge));
      }
      tooLarge
          .append(tooLarge.isEmpty() ? "" : ", ")
          .append(candidate.describe())
          .append(" needs ")
          .append(mib(bytes));
      if (bytes < leastBytes) {
        leastBytes = bytes;
        least = candidate;
      }
    }
    return least.withReason(
        "nothing fits %s: %s%s"
            .formatted(mib(workerBytes), tooLarge, other(memory, lossTile, workerBytes)));
  }

  /** Names a policy that would fit but that the job's settings exclude. */
  private static String other(MemoryModel memory, int lossTile, long workerBytes) {
    for (ActivationPlan candidate : candidates(MemorySpec.planned(), lossTile)) {
      long bytes = memory.total(candidate);
      if (bytes <= workerBytes) {
        return "; %s would fit with %s: set train.recompute: %s, train.offload: %s, train.mlp-tile: %d, or leave them to auto"
            .formatted(
                candidate.describe(),
                mib(bytes),
                candidate.recompute(),
                candidate.offload(),
                candidate.mlpTile());
      }
    }
    return "";
  }

  private static String mib(long bytes) {
    return MemoryEstimate.mebibytes(bytes);
  }

  /** All policies that the job allows, fastest first. */
  static List<ActivationPlan> candidates(MemorySpec asked, int lossTile) {
    List<ActivationPlan> all = new ArrayList<>();
    for (boolean offload : new boolean[] {false, true}) {
      if (!asked.offload().equals(MemorySpec.AUTO)
          && offload != Boolean.parseBoolean(asked.offload())) {
        continue;
      }
      for (String recompute : RECOMPUTES) {
        boolean open = asked.recompute().equals(MemorySpec.AUTO);
        if (!open && !recompute.equals(asked.recompute())) {
          continue;
        }
        if (open && offload && recompute.equals(ActivationPlan.NONE)) {
          continue; // recomputing these is faster than reading them from disk
        }
        if (asked.mlpTile() != MemorySpec.AUTO_TILE) {
          all.add(new ActivationPlan(recompute, offload, asked.mlpTile(), lossTile, ""));
        } else {
          all.add(new ActivationPlan(recompute, offload, 0, lossTile, ""));
          all.add(new ActivationPlan(recompute, offload, TILE, lossTile, ""));
        }
      }
    }
    return all;
  }
}
