package dev.gyre.trainer.worker;

import dev.gyre.model.hf.HfConfig;
import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.CheckpointReader;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.ResumeCheck;
import dev.gyre.trainer.checkpoint.RunIdentity;
import dev.gyre.trainer.checkpoint.StepsChange;
import dev.gyre.trainer.rank.TrainingRank;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/**
 * Where a run starts: its weights are loaded or created.
 *
 * @param step steps done so far
 * @param skipped of them, without an update
 * @param sourceConfig {@code config.json} of the model that the run started from; empty for none
 */
record InitialState(long step, long skipped, String sourceConfig) {
  /**
   * Loads a checkpoint or a Hugging Face folder, or initialises weights from the seed.
   *
   * @param resume the checkpoint's folder; empty for none
   * @param identity what this run computes, to compare with the checkpoint's
   * @param log receives a line for each difference to the environment of the checkpoint
   */
  static InitialState load(
      TrainingRank rank, JobSpec job, String resume, RunIdentity identity, Consumer<String> log)
      throws IOException {
    if (!resume.isEmpty()) {
      Path folder = Path.of(resume);
      try (CheckpointReader reader = CheckpointReader.open(folder)) {
        Manifest manifest = reader.manifest();
        List<String> differences = differences(folder, manifest, identity, job);
        if (rank.transport().rank() == 0) {
          differences.forEach(log);
        }
        reader.load(rank.parameters().ownedSlices());
        rank.parameters().publishWeights();
        return new InitialState(manifest.step(), manifest.skipped(), manifest.sourceConfig());
      }
    }
    if (!job.modelFrom().isEmpty()) {
      Path folder = Path.of(job.modelFrom());
      try (HfWeights weights = HfWeights.open(folder, job.model())) {
        rank.parameters().load(weights::read);
      }
      String config = HfConfig.read(folder.resolve("config.json")).source().toString();
      return new InitialState(0, 0, config);
    }
    rank.parameters().initialise(job.train().seed());
    return new InitialState(0, 0, "");
  }

  private static List<String> differences(
      Path folder, Manifest manifest, RunIdentity identity, JobSpec job) {
    List<String> lines = new ArrayList<>();
    for (ResumeCheck.Difference one : ResumeCheck.check(folder, manifest.identity(), identity)) {
      lines.add("resume differs in " + one);
    }
    long before = ResumeCheck.steps(manifest.identity());
    if (before > 0) {
      lines.addAll(StepsChange.describe(job.train(), manifest.step(), before, job.train().steps()));
    }
    return lines;
  }
}
