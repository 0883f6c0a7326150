package dev.gyre.trainer.dryrun;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.LongestSequence;
import dev.gyre.partitioning.plan.LongestSequence.Longest;
import dev.gyre.partitioning.plan.MemoryEstimate;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.worker.Transports;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** What plans conclude from dry runs of the model. Single peaks: {@code PredictedMemoryTest}. */
class ModelDryRunTest {

  /** h 256, 4 layers, 8 query heads over 4 key/value heads of 32, 8 experts of 512. */
  private static JobSpec job(int length, MemorySpec memory) {
    TrainSpec train = TrainSpec.of(length, length).with(Map.of("dtype", "bf16", "memory", memory));
    DatasetSpec dataset = DatasetSpec.of(List.of(DatasetSpec.Source.of("text")));
    return JobSpec.of(
            "test",
            new Decoder(new EmbeddingSpec(256, 256), 4, new HeadShape(8, 4, 32))
                .mlp(512)
                .experts(8, 2)
                .spec(),
            dataset,
            train)
        .with(Map.of("mesh", MeshSpec.of(2, 1, 2, 1, 2), "backend", "vector"));
  }

  private static Plan plan(JobSpec job, long workerBytes) {
    return ModelDryRun.PLANNER.plan(
        job,
        new WorkerCapabilities(
            List.of(
                new WorkerCapabilities.Backend(
                    "vector", "", List.of("f32", "bf16"), List.of("f32"), "")),
            Transports.offers(),
            List.of(new WorkerCapabilities.Host(2, 2 * workerBytes, 0, Rates.UNKNOWN))));
  }

  private static MemoryEstimate memory(String recompute, boolean offload, int tile) {
    MemorySpec asked = MemorySpec.of(recompute, Boolean.toString(offload), tile);
    return plan(job(65_536, asked), 64L << 30).memory();
  }

  @Test
  void everyPolicyNeedsLessThanTheOneBefore() {
    long before = Long.MAX_VALUE;
    for (String recompute : List.of("none", "attention-saving", "all")) {
      MemoryEstimate ram = memory(recompute, false, 0);
      MemoryEstimate tiled = memory(recompute, false, 2048);
      MemoryEstimate disk = memory(recompute, true, 2048);
      assertTrue(tiled.total() < ram.total(), recompute);
      assertTrue(disk.total() < tiled.total(), recompute);
      assertEquals(0, ram.stored());
      assertTrue(disk.stored() >= tiled.total() - disk.total(), recompute);
      assertTrue(ram.total() < before, recompute);
      assertTrue(ram.balanced() < ram.activations() + ram.scratch(), recompute);
      before = ram.total();
    }
  }

  /** The plan of each longest row fits; that of a row longer by a sixteenth does not. */
  @Test
  void theLongestRowsFitAndLittleLongerOnesDoNot() {
    long worker = 3L << 30;
    JobSpec job = job(8192, MemorySpec.planned());
    LongestSequence longest = ModelDryRun.PLANNER.longest(job, plan(job, worker), worker);
    assertEquals(10, longest.policies().size());
    for (Longest l : longest.policies()) {
      assertTrue(l.tokens() > 8192, l.toString());
      assertTrue(fits(l.policy(), l.tokens(), worker), l.toString());
      assertFalse(fits(l.policy(), l.tokens() + l.tokens() / 16, worker), l.toString());
    }
  }

  private static boolean fits(ActivationPlan policy, int tokens, long worker) {
    MemorySpec exactly =
        MemorySpec.of(policy.recompute(), Boolean.toString(policy.offload()), policy.mlpTile());
    return plan(job(tokens, exactly), worker).memory().total() <= worker;
  }
}
