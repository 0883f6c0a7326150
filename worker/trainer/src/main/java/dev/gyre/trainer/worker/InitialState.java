package dev.gyre.trainer.worker;

import dev.gyre.model.hf.HfWeights;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.CheckpointReader;
import dev.gyre.trainer.checkpoint.ResumeCheck;
import dev.gyre.trainer.rank.TrainingRank;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;

/** Loads or creates a run's initial weights. */
final class InitialState {
  private InitialState() {}

  /**
   * Loads a checkpoint or a Hugging Face folder, or initialises weights from the seed.
   *
   * @param resume the checkpoint's folder; empty for none
   * @param log receives a line for each difference to the environment of the checkpoint
   * @return steps done so far
   */
  static long load(
      TrainingRank rank,
      JobSpec job,
      String resume,
      RunCheckpoints checkpoints,
      Consumer<String> log)
      throws IOException {
    if (!resume.isEmpty()) {
      Path folder = Path.of(resume);
      try (CheckpointReader reader = CheckpointReader.open(folder)) {
        List<ResumeCheck.Difference> changed =
            ResumeCheck.check(folder, reader.manifest().identity(), checkpoints.identity());
        if (rank.transport().rank() == 0) {
          for (ResumeCheck.Difference one : changed) {
            log.accept("resume differs in " + one);
          }
        }
        reader.load(rank.parameters().ownedSlices());
        rank.parameters().publishWeights();
        return reader.manifest().step();
      }
    }
    if (!job.modelFrom().isEmpty()) {
      try (HfWeights weights = HfWeights.open(Path.of(job.modelFrom()), job.model())) {
        rank.parameters().load(weights::read);
      }
    } else {
      rank.parameters().initialise(job.train().seed());
    }
    return 0;
  }
}
