package dev.gyre.deploy.options;

import dev.gyre.comms.ExitCode;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.json.SpecException;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Finds the checkpoint or run that the user names on the command line. */
public final class CheckpointSelection {
  private static final String FOLDER = "checkpoints";

  private CheckpointSelection() {}

  /**
   * The checkpoint's folder itself, or the newest intact one of a run.
   *
   * @throws dev.gyre.trainer.checkpoint.CheckpointException if the named checkpoint is damaged
   */
  static Path find(Path named, Path runs) throws IOException {
    if (isCheckpoint(named)) {
      CheckpointStore.verify(named);
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
                        "every checkpoint of %s is damaged. Details: ./gyre checkpoint verify %s"
                            .formatted(run, named))
                    : new CommandFailure(
                        ExitCode.BAD_JOB, run + " has no checkpoint yet; a run ends with one"))
        .folder();
  }

  /** The named checkpoint, or all checkpoints of a run, oldest first, including damaged ones. */
  static List<Path> all(Path named, Path runs) throws IOException {
    if (isCheckpoint(named)) {
      return List.of(named);
    }
    return store(run(named, runs)).list().stream().map(CheckpointStore.Committed::folder).toList();
  }

  /**
   * The folder of a run named by its folder, by its name, or by one of its checkpoints.
   *
   * @throws CommandFailure if there is none, or the name is ambiguous
   */
  public static Path run(Path named, Path runs) throws IOException {
    if (isCheckpoint(named)) {
      return runOf(named);
    }
    Path below = runs.resolve(named);
    boolean bare = named.getNameCount() == 1 && !named.isAbsolute();
    if (isRun(named)) {
      if (bare && isRun(below) && !named.toAbsolutePath().equals(below.toAbsolutePath())) {
        throw new CommandFailure(
            ExitCode.BAD_JOB,
            "'%s' names two runs, ./%s and %s; write one of them".formatted(named, named, below));
      }
      return named;
    }
    if (isRun(below)) {
      return below;
    }
    throw new CommandFailure(
        ExitCode.BAD_JOB, "no run or checkpoint '" + named + "', neither here nor in " + runs);
  }

  private static boolean isRun(Path folder) {
    return Files.isDirectory(folder.resolve(FOLDER));
  }

  /** Recognises a checkpoint by its manifest, or by its name if the manifest is damaged. */
  private static boolean isCheckpoint(Path folder) {
    return Files.isRegularFile(folder.resolve(Manifest.FILE))
        || (Files.isDirectory(folder)
            && !isRun(folder)
            && String.valueOf(folder.toAbsolutePath().getFileName()).matches("step-\\d+"));
  }

  public static CheckpointStore store(Path run) {
    return CheckpointStore.in(run.resolve(FOLDER));
  }

  /** The folder of the run in which a checkpoint lies: {@code run/checkpoints/step-N}. */
  public static Path runOf(Path checkpoint) throws IOException {
    return checkpoint.toRealPath().resolveSibling("..").normalize();
  }

  /**
   * The job whose run a checkpoint lies in.
   *
   * @throws CommandFailure if the run's {@code job.json} is missing, of another build, or of
   *     another model than the checkpoint
   */
  public static JobSpec jobOf(Path checkpoint) throws IOException {
    Path file = runOf(checkpoint).resolve("job.json");
    if (!Files.isRegularFile(file)) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, file + " is missing; leave checkpoints in their run's folder");
    }
    JobSpec job;
    try {
      job = SpecJson.read(Files.readString(file), JobSpec.class, file.toString());
    } catch (SpecException e) {
      throw new CommandFailure(
          ExitCode.BAD_JOB, e.getMessage() + "; use the build that trained this run");
    }
    if (!job.model().equals(Manifest.read(checkpoint).model())) {
      throw new CommandFailure(
          ExitCode.BAD_JOB,
          "%s describes another model than %s; put the checkpoint into its own run's folder"
              .formatted(file, checkpoint));
    }
    return job;
  }
}
