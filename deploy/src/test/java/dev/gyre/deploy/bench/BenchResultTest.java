package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.step.StepMetrics;
import dev.gyre.trainer.worker.Transports;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

final class BenchResultTest {
  private static BenchJob job(int data, int ring, int ulysses) {
    MeshSpec mesh = MeshSpec.of(0, data, ring, ulysses, 0);
    return new BenchJob(
        512,
        4,
        8,
        4,
        8,
        2,
        768,
        AttentionPattern.FULL,
        3e-4,
        mesh,
        1000,
        8,
        "f32",
        "scalar",
        "ipc",
        MemorySpec.planned(),
        Path.of("t.txt"));
  }

  private static Plan plan(BenchJob job) {
    WorkerCapabilities.Backend scalar =
        new WorkerCapabilities.Backend("scalar", "", List.of("f32"), List.of("f32"), "");
    return ModelDryRun.PLANNER.plan(
        job.spec(),
        new WorkerCapabilities(
            List.of(scalar),
            Transports.offers(),
            List.of(new WorkerCapabilities.Host(2, 1L << 34, 0, Rates.UNKNOWN))));
  }

  private static List<StepMetrics> steps(double... seconds) {
    List<StepMetrics> steps = new ArrayList<>();
    for (double s : seconds) {
      steps.add(
          new StepMetrics(
              steps.size() + 1,
              5.123456 - steps.size(),
              5,
              Map.of(),
              1000,
              s,
              1000 / s,
              0.1 * s,
              1,
              1,
              List.of(),
              Map.of(),
              Map.of(),
              s,
              0,
              0,
              0.01 * s,
              1,
              false,
              null));
    }
    return steps;
  }

  private static BenchResult result(BenchJob job, double... seconds) {
    return BenchResult.of("0.1", job, plan(job), steps(seconds), "a CPU");
  }

  @Test
  void theKeysAreThePeersAndOurs() {
    JsonNode json =
        JsonMapper.shared().readTree(SpecJson.line(result(job(1, 2, 1), 9, 8, 2, 1, 3)));
    assertEquals(
        List.of(
            "peer",
            "world",
            "sp",
            "dtype",
            "seq",
            "d",
            "layers",
            "heads",
            "kv",
            "experts",
            "topk",
            "ffn",
            "step_s",
            "tokens_per_s",
            "losses",
            "exposed_fraction",
            "mfu",
            "activations",
            "memory_bytes",
            "cpu"),
        List.copyOf(json.propertyNames()));
    assertEquals("gyre-0.1", json.path("peer").asString());
    assertEquals(2, json.path("world").asInt());
    assertEquals(5.1235, json.path("losses").path(0).asDouble());
  }

  @Test
  void theFirstTwoOfFiveStepsWarmUp() {
    BenchResult five = result(job(1, 2, 1), 90, 80, 2, 1, 4);
    assertEquals(2, five.stepSeconds());
    assertEquals(500, five.tokensPerSecond());
    assertEquals(0.2, five.mfu());
    assertEquals(0.02, five.exposed());
    assertEquals(5, five.losses().size());
    assertEquals(3, result(job(1, 2, 1), 90, 80, 2, 1, 4, 7).stepSeconds(), "even count");
    assertEquals(5, result(job(1, 2, 1), 4, 5, 6, 1).losses().getFirst() - 0.1235, 1e-9);
    assertEquals(4.5, result(job(1, 2, 1), 4, 5, 6, 1).stepSeconds(), "all of four count");
  }

  @Test
  void howTheSequenceIsSplit() {
    assertEquals("none", result(job(1, 1, 1), 1).sp());
    assertEquals("ring", result(job(2, 2, 1), 1).sp());
    assertEquals("ulysses", result(job(1, 1, 2), 1).sp());
    assertEquals("hybrid", result(job(1, 2, 2), 1).sp());
    assertEquals("data", result(job(2, 1, 1), 1).sp());
    assertEquals(new Mesh(2, 2, 1, 4), plan(job(2, 2, 1)).mesh());
  }
}
