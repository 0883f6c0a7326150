package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.job.JobFile;
import dev.gyre.deploy.job.Setting;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.worker.Transports;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FrozenRatesTest {
  private static final WorkerCapabilities THEN =
      new WorkerCapabilities(
          List.of(
              new WorkerCapabilities.Backend("vector", "", List.of("f32"), List.of("f32"), "X")),
          Transports.offers(),
          List.of(
              new WorkerCapabilities.Host(
                  2, 8L << 30, 0, new Rates(200_000_000_000L, 100_000_000_000L, 10_000_000_000L))));

  /** The same machine, measured again while it was busy. */
  private static final WorkerCapabilities NOW =
      THEN.with(new Rates(90_000_000_000L, 20_000_000_000L, 1_000_000_000L));

  @TempDir Path folder;
  private final List<String> told = new ArrayList<>();

  private JobSpec job(String... settings) throws IOException {
    Path file = folder.resolve("job.yaml");
    Files.writeString(
        file,
        "dataset: {train: [{path: text}]}\ntrain: {sequence-length: 4096}\nmesh: {ring: 4}\n");
    return new JobFile((_, _) -> null, _ -> 256)
        .read(file, Stream.of(settings).map(Setting::parse).toList());
  }

  private Plan resumed(JobSpec job, String before) throws IOException {
    Path file = folder.resolve("plan.json");
    Files.writeString(file, before);
    return FrozenRates.keep(ModelDryRun.PLANNER.plan(job, NOW), file, job, NOW, told::add);
  }

  @Test
  void aResumedRunHasThePlanItBeganWith() throws IOException {
    Plan began = ModelDryRun.PLANNER.plan(job(), THEN);
    assertNotEquals(began, ModelDryRun.PLANNER.plan(job(), NOW));
    assertEquals(began, resumed(job(), SpecJson.write(began)));
    assertEquals(List.of(), told);
  }

  /** The number of expert-parallel ranks does not affect the measured rates. */
  @Test
  void otherExpertRanksKeepTheRates() throws IOException {
    Plan began = ModelDryRun.PLANNER.plan(job(), THEN);
    Plan split = resumed(job("mesh.expert-parallel=4"), SpecJson.write(began));
    assertEquals(4, split.mesh().expertParallel());
    assertEquals(began.rates(), split.rates());
    assertTrue(told.stream().anyMatch(line -> line.startsWith("plan   mesh")), told.toString());
  }

  @Test
  void onAnotherMeshItIsPlannedAnew() throws IOException {
    JobSpec other = job("mesh.ring=2");
    String before = SpecJson.write(ModelDryRun.PLANNER.plan(job(), THEN));
    assertEquals(ModelDryRun.PLANNER.plan(other, NOW), resumed(other, before));
  }

  @Test
  void whatAResumedRunDoesOtherwiseIsTold() throws IOException {
    Plan began = ModelDryRun.PLANNER.plan(job("mesh.layout=striped"), THEN);
    resumed(job(), SpecJson.write(began));
    assertTrue(told.contains("plan   layout: striped → zigzag"), told.toString());
  }

  @Test
  void aPlanOfAnotherFormatDecidesNothing() throws IOException {
    assertEquals(ModelDryRun.PLANNER.plan(job(), NOW), resumed(job(), "{\"formatVersion\": 1}"));
    assertTrue(told.getFirst().contains("plan.json has format 1, this build reads"), "" + told);
    assertEquals(
        ModelDryRun.PLANNER.plan(job(), NOW),
        FrozenRates.keep(
            ModelDryRun.PLANNER.plan(job(), NOW), folder.resolve("none"), job(), NOW, told::add));
  }
}
