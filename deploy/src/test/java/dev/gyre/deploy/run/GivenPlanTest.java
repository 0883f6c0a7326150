package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.job.JobFile;
import dev.gyre.deploy.job.Setting;
import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.worker.Transports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GivenPlanTest {
  private static final WorkerCapabilities OFFERS =
      new WorkerCapabilities(
          List.of(
              new WorkerCapabilities.Backend(
                  "vector", "", List.of("f32", "bf16"), List.of("f32"), "")),
          Transports.offers(),
          List.of(new WorkerCapabilities.Host(2, 8L << 30, 0, Rates.UNKNOWN)));

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void write() throws IOException {
    file = folder.resolve("job.yaml");
    Files.writeString(
        file,
        "dataset: {train: [{path: text}]}\ntrain: {sequence-length: 1024}\nmesh: {ring: 2}\n");
  }

  private JobSpec job(String... settings) {
    JobFile reader = new JobFile((_, _) -> null, _ -> 256);
    return reader.read(file, Stream.of(settings).map(Setting::parse).toList());
  }

  private static void refused(String key, Plan plan, JobSpec job) {
    Invalid e = assertThrows(Invalid.class, () -> GivenPlan.check(plan, job));
    assertTrue(e.getMessage().startsWith(key + ":"), e.getMessage());
  }

  @Test
  void aPlanFitsTheJobItWasMadeForAndJobsThatLeaveItTheChoice() {
    GivenPlan.check(ModelDryRun.PLANNER.plan(job(), OFFERS), job());
    GivenPlan.check(ModelDryRun.PLANNER.plan(job("mesh.layout=striped"), OFFERS), job());
    GivenPlan.check(ModelDryRun.PLANNER.plan(job("mesh.ring=4"), OFFERS), job("mesh.ring=0"));
  }

  /** A key that the plan decides, of which no contradiction would be noticed otherwise. */
  @Test
  void everyPlannedKeyIsADecisionOfThePlan() {
    Map<String, String> decisions = ModelDryRun.PLANNER.plan(job(), OFFERS).decisions();
    List<String> compared = new ArrayList<>();
    for (KeyValue key : KeyValue.of(job())) {
      if (key.key().open() != null) {
        String field = decisions.containsKey(key.path()) ? key.path() : key.key().name();
        assertTrue(decisions.containsKey(field), field);
        compared.add(field);
      }
    }
    assertEquals(
        decisions.keySet().stream().sorted().toList(), compared.stream().sorted().toList());
  }

  /** Each row has an anchor of its own, which the others would see. */
  @Test
  void severalRowsAtOnceDoNotFitAModelWithAnAnchor() {
    String[] shortRows = {"train.sequence-length=64", "train.batch-tokens=4096"};
    Plan plan = ModelDryRun.PLANNER.plan(job(shortRows), OFFERS);
    assertTrue(plan.rowsPerMicroStep() > 1, () -> "" + plan.rowsPerMicroStep());
    GivenPlan.check(plan, job(shortRows));
    refused(
        "plan.rowsPerMicroStep",
        plan,
        job("train.sequence-length=64", "train.batch-tokens=4096", "model.anchor_token=true"));
  }

  @Test
  void whatContradictsTheJobIsNamed() {
    Plan plan = ModelDryRun.PLANNER.plan(job(), OFFERS);
    refused("plan.mesh.workers", plan, job("mesh.workers=4", "mesh.ring=0"));
    refused("plan.mesh.ring", plan, job("mesh.ring=4"));
    refused("plan.mesh.ulysses", plan, job("mesh.ring=0", "mesh.ulysses=2"));
    int other = plan.kernelThreads() + 1;
    refused("plan.mesh.kernel-threads", plan, job("mesh.kernel-threads=" + other));
    refused("plan.layout", plan, job("mesh.layout=striped"));
    refused("plan.schedule.full_attention", plan, job("mesh.schedule=allgather"));
    refused("plan.transport", plan, job("transport=udp"));
    refused("plan.backend", plan, job("backend=onednn"));
    refused("plan.recompute", plan, job("train.recompute=all"));
    refused("plan.offload", plan, job("train.offload=true"));
    refused("plan.dtype", plan, job("train.dtype=bf16"));
    refused("plan.experts", plan, job("model.num_local_experts=4"));
    refused("plan.workspaceBytes", plan, job("train.sequence-length=65536"));
  }
}
