package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds what a person names on the command line: a checkpoint, or a run with some. */
final class Checkpoints {
  private static final String FOLDER = "checkpoints";

  private Checkpoints() {}

  /** The checkpoint's folder itself, or the newest whole one of a run. */
  static Path find(Path named, Path runs) throws IOException {
    if (isCheckpoint(named)) {
      return named;
    }
    Path run = run(named, runs);
    CheckpointStore store = store(run);
    boolean any = !store.list().isEmpty();
    return store
        .newestVerified(note -> System.err.println("gyre: " + note))
        .orElseThrow(
            () ->
                any
                    ? new CommandFailure(
                        ExitCode.CORRUPT_CHECKPOINT,
                        "every checkpoint of %s is damaged. Look: ./gyre checkpoint verify %s"
                            .formatted(run, named))
                    : new CommandFailure(
                        ExitCode.BAD_JOB, run + " has no checkpoint yet; a run ends with one"))
        .folder();
  }

  /** The one checkpoint that is named, or all of a run, oldest first; whole or not. */
  static List<Path> all(Path named, Path runs) throws IOException {
    if (isCheckpoint(named)) {
      return List.of(named);
    }
    return store(run(named, runs)).list().stream().map(CheckpointStore.Committed::folder).toList();
  }

  /** The folder of a run named by its folder, or by its name. */
  static Path run(Path named, Path runs) {
    if (isRun(named)) {
      return named;
    }
    Path below = runs.resolve(named);
    if (isRun(below)) {
      return below;
    }
    throw new CommandFailure(
        ExitCode.BAD_JOB, "no run or checkpoint '" + named + "', neither here nor in " + runs);
  }

  private static boolean isRun(Path folder) {
    return Files.isDirectory(folder.resolve(FOLDER));
  }

  /** By its manifest, or, if that is what is damaged, by its name. */
  private static boolean isCheckpoint(Path folder) {
    return Files.isRegularFile(folder.resolve(Manifest.FILE))
        || (Files.isDirectory(folder)
            && String.valueOf(folder.toAbsolutePath().getFileName()).matches("step-\\d+"));
  }

  static CheckpointStore store(Path run) {
    return new CheckpointStore(run.resolve(FOLDER), 1, null);
  }

  /** The job whose run a checkpoint lies in. */
  static JobSpec jobOf(Path checkpoint) throws IOException {
    // runs/NAME/checkpoints/step-N
    Path job = checkpoint.resolve("..").resolve("..").resolve("job.json").normalize();
    if (!Files.isRegularFile(job)) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, job + " is missing; leave checkpoints in their run's folder");
    }
    return SpecJson.read(Files.readString(job), JobSpec.class, job.toString());
  }
}
