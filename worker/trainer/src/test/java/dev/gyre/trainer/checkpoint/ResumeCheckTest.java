package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.Effect;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.KeyValue;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.model.ModelSpec;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

final class ResumeCheckTest {
  private static final Path FOLDER = Path.of("checkpoints", "step-10");

  private static JobSpec job(int hidden, int length, long steps, double lr, double weight) {
    ModelSpec model = CheckpointFixture.model(hidden);
    DatasetSpec.Source source = DatasetSpec.Source.of("docs").with("weight", weight);
    TrainSpec train = TrainSpec.of(length, 4L * length);
    TrainSpec.Optimizer optimizer = train.optimizer().with("lr", lr);
    return JobSpec.of(
        "run",
        model,
        DatasetSpec.of(List.of(source)),
        train.with(Map.of("steps", steps, "seed", 7, "optimizer", optimizer)));
  }

  private static RunIdentity identity(JobSpec job) {
    return RunIdentity.of(job, "bf16", "abc", Map.of("mesh", "ring 2", "backend", "onednn"));
  }

  private static final JobSpec SAVED = job(8, 64, 100, 1e-3, 1);

  @Test
  void sameJobSameData() {
    assertEquals(
        List.of(), ResumeCheck.check(FOLDER, identity(SAVED), identity(job(8, 64, 100, 1e-3, 1))));
  }

  /** Builds without stages trained as a job without stages does. */
  @Test
  void aCheckpointWithoutStagesIsOfARunWithoutStages() {
    RunIdentity saved = identity(SAVED);
    saved.arithmetic().remove("train.stages");
    assertEquals(List.of(), ResumeCheck.check(FOLDER, saved, identity(SAVED)));

    RunIdentity staged = identity(SAVED);
    staged.arithmetic().put("train.stages", "[SequenceStage]");
    ResumeRefusedException e =
        assertThrows(ResumeRefusedException.class, () -> ResumeCheck.check(FOLDER, saved, staged));
    assertTrue(e.getMessage().contains("train.stages: [] -> [SequenceStage]"), e.getMessage());

    saved.arithmetic().remove("train.seed");
    e =
        assertThrows(
            ResumeRefusedException.class, () -> ResumeCheck.check(FOLDER, saved, identity(SAVED)));
    assertTrue(e.getMessage().contains("train.seed: (absent) -> 7"), e.getMessage());
  }

  @Test
  void earlierBuildsTrainedOnOneRowAtATime() {
    RunIdentity one = identity(SAVED);
    one.circumstances().put(RunIdentity.ROWS, "1");
    assertEquals(List.of(), ResumeCheck.check(FOLDER, identity(SAVED), one));
    RunIdentity eight = identity(SAVED);
    eight.circumstances().put(RunIdentity.ROWS, "8");
    assertEquals(
        List.of(new ResumeCheck.Difference(RunIdentity.ROWS, "1", "8")),
        ResumeCheck.check(FOLDER, identity(SAVED), eight));
  }

  /** A key that is added is not in the identities of earlier builds, which did as it says. */
  @Test
  void aKeyThatACheckpointLacksHasTheValueOfItsDeclaration() {
    assertEquals(Optional.of("none"), RunIdentity.unstated("dataset.train[1].join"));
    assertEquals(Optional.of("replace"), RunIdentity.unstated("dataset.invalid-text"));
    assertEquals(Optional.of("0"), RunIdentity.unstated("mesh.kernel-threads"));
    assertEquals(Optional.empty(), RunIdentity.unstated("train.seed"));
    assertEquals(Optional.empty(), RunIdentity.unstated("no.such.key"));

    RunIdentity now = identity(SAVED);
    now.arithmetic().put("dataset.invalid-text", "replace");
    assertEquals(List.of(), ResumeCheck.check(FOLDER, identity(SAVED), now));
    now.arithmetic().put("dataset.invalid-text", "skip");
    ResumeRefusedException e =
        assertThrows(
            ResumeRefusedException.class, () -> ResumeCheck.check(FOLDER, identity(SAVED), now));
    assertTrue(e.getMessage().contains("dataset.invalid-text: replace -> skip"), e.getMessage());
  }

  @Test
  void theIdentityOfEveryKeyIsAsDeclared() {
    RunIdentity identity = identity(SAVED);
    for (KeyValue key : KeyValue.of(SAVED)) {
      Effect effect = key.key().effect();
      assertEquals(
          effect == Effect.ARITHMETIC,
          identity.arithmetic().containsKey(key.path()),
          key.path() + " in arithmetic");
      boolean free = identity.circumstances().containsKey(key.path());
      // The circumstances of the test have the plan's backend under the name of the job's key.
      assertEquals(effect == Effect.COURSE, free && !key.path().equals("backend"), key.path());
      RunIdentity former = identity(SAVED);
      former.arithmetic().remove(key.path());
      if (effect == Effect.ARITHMETIC && key.key().unstated() != null) {
        assertEquals(List.of(), ResumeCheck.check(FOLDER, former, identity), key.path());
      } else if (effect == Effect.ARITHMETIC) {
        assertThrows(
            ResumeRefusedException.class, () -> ResumeCheck.check(FOLDER, former, identity));
      }
    }
  }

  @Test
  void meshAndLengthOfTheRunMayChangeAndAreListed() {
    RunIdentity now =
        RunIdentity.of(
            job(8, 64, 200, 1e-3, 1), "bf16", "abc", Map.of("mesh", "ring 4", "backend", "onednn"));
    List<String> lines = new ArrayList<>();
    ResumeCheck.check(FOLDER, identity(SAVED), now).forEach(d -> lines.add(d.toString()));
    assertEquals(List.of("mesh: ring 2 -> ring 4", "train.steps: 100 -> 200"), lines);
  }

  @Test
  void everyChangedArithmeticKeyIsShown() {
    ResumeRefusedException e =
        assertThrows(
            ResumeRefusedException.class,
            () ->
                ResumeCheck.check(FOLDER, identity(SAVED), identity(job(12, 128, 100, 2e-3, 0.5))));
    for (String line :
        List.of(
            "model.hidden_size: 8 -> 12",
            "train.sequence-length: 64 -> 128",
            "train.batch-tokens: 256 -> 512",
            "train.optimizer.lr: 0.001 -> 0.002",
            "dataset.train[0].weight: 1.0 -> 0.5",
            "step-10")) {
      assertTrue(e.getMessage().contains(line), line + " in " + e.getMessage());
    }
    assertFalse(e.getMessage().contains("train.seed"), e.getMessage());
  }

  @Test
  void changedDataOrDtypeIsRefused() {
    RunIdentity otherData = RunIdentity.of(SAVED, "bf16", "xyz", Map.of());
    ResumeRefusedException e =
        assertThrows(
            ResumeRefusedException.class,
            () -> ResumeCheck.check(FOLDER, identity(SAVED), otherData));
    assertTrue(e.getMessage().contains("abc -> xyz"), e.getMessage());
    RunIdentity otherDtype = RunIdentity.of(SAVED, "f32", "abc", Map.of());
    e =
        assertThrows(
            ResumeRefusedException.class,
            () -> ResumeCheck.check(FOLDER, identity(SAVED), otherDtype));
    assertTrue(e.getMessage().contains("train.dtype: bf16 -> f32"), e.getMessage());
  }

  /** What needs neither data nor a plan is compared before a worker starts. */
  @Test
  void theJobAloneCanBeCompared() {
    RunIdentity saved = identity(SAVED);
    ResumeCheck.requireSameJob(FOLDER, saved, job(8, 64, 200, 1e-3, 1));
    ResumeRefusedException e =
        assertThrows(
            ResumeRefusedException.class,
            () -> ResumeCheck.requireSameJob(FOLDER, saved, job(8, 64, 100, 2e-3, 1)));
    assertTrue(e.getMessage().contains("train.optimizer.lr: 0.001 -> 0.002"), e.getMessage());
    assertFalse(e.getMessage().contains("dtype"), "auto is the plan's choice");
    assertEquals(100, ResumeCheck.steps(saved));
    assertEquals(0, ResumeCheck.steps(CheckpointFixture.identity()));
  }

  /** A component added to a record must not be forgotten. */
  @Test
  void everyComponentOfTrainIsAKey() {
    RunIdentity identity = identity(SAVED);
    int components =
        TrainSpec.class.getRecordComponents().length
            - 2 // the optimizer's are counted below, memory's change no value
            + TrainSpec.Optimizer.class.getRecordComponents().length;
    long keys =
        identity.arithmetic().keySet().stream().filter(k -> k.startsWith("train.")).count()
            + identity.circumstances().keySet().stream()
                .filter(k -> k.startsWith("train."))
                .count();
    assertEquals(components, keys);
    assertTrue(identity.arithmetic().containsKey("train.balance-loss"));
    assertTrue(identity.arithmetic().containsKey("model.num_local_experts"));
  }

  @Test
  void identitySurvivesTheManifest() throws IOException {
    Manifest manifest =
        Manifest.of(3, 0, 7, 12, identity(SAVED), SAVED.model(), "", "{\"x\":\"\\u00fc\"}");
    assertEquals(manifest, Manifest.parse(manifest.toJson(), "here"));
  }
}
