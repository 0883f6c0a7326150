package dev.gyre.deploy.command.train;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.files.RunRecovery;
import dev.gyre.deploy.options.CheckpointSelection;
import dev.gyre.deploy.options.CommandFailure;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.checkpoint.CheckpointStore;
import dev.gyre.trainer.checkpoint.Manifest;
import dev.gyre.trainer.checkpoint.ResumeCheck;
import dev.gyre.trainer.data.DataException;
import dev.gyre.trainer.data.Feed;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The run and the checkpoint that a resumed job continues from.
 *
 * @param checkpoint absolute path
 */
record ResumePoint(RunFolder folder, Path checkpoint, Manifest manifest) {

  /**
   * The newest intact checkpoint of a run.
   *
   * @param run the run's name or folder; null for the newest run of the job that has a checkpoint
   * @param note receives lines about what was recovered or skipped
   * @throws CommandFailure if there is no such run, or no intact checkpoint in it
   * @throws IOException if storage fails, or the run is running
   */
  static ResumePoint find(JobSpec job, @Nullable Path run, Path runs, Consumer<String> note)
      throws IOException {
    RunFolder folder =
        run == null ? newestOf(job, runs) : RunFolder.open(CheckpointSelection.run(run, runs));
    folder
        .jobName()
        .filter(name -> !name.equals(job.name()))
        .ifPresent(name -> note.accept("run    %s is of job %s".formatted(folder, name)));
    RunRecovery.recover(folder);
    CheckpointStore store = CheckpointStore.in(folder.checkpoints());
    boolean any = !store.list().isEmpty();
    CheckpointStore.Verified newest =
        store
            .newestVerified(note)
            .orElseThrow(
                () ->
                    new CommandFailure(
                        any ? ExitCode.CORRUPT_CHECKPOINT : ExitCode.BAD_JOB,
                        "%s; to start a new run, leave out --resume"
                            .formatted(
                                any
                                    ? "every checkpoint of " + folder + " is damaged"
                                    : folder + " has no checkpoint yet")));
    return new ResumePoint(folder, newest.folder().toAbsolutePath(), newest.manifest());
  }

  private static RunFolder newestOf(JobSpec job, Path runs) throws IOException {
    for (RunFolder folder : RunFolder.ofJob(runs, job.name())) {
      if (!CheckpointStore.in(folder.checkpoints()).list().isEmpty()) {
        return folder;
      }
    }
    List<RunFolder> renamed = RunFolder.renamedOfJob(runs, job.name());
    throw new CommandFailure(
        ExitCode.BAD_JOB,
        "nothing to resume: no run of job %s in %s has a checkpoint. %s"
            .formatted(
                job.name(),
                runs,
                renamed.isEmpty()
                    ? "Start one: leave out --resume"
                    : "Its run may have another name, %s: name it with --run"
                        .formatted(
                            renamed.stream()
                                .map(RunFolder::name)
                                .collect(Collectors.joining(", ")))));
  }

  /** Whether the job has no step left to train. */
  boolean isFinished(JobSpec job) {
    return manifest.step() >= job.train().steps();
  }

  /**
   * Checks, before data is read or a worker starts, that the job computes the same as the run, from
   * data that this build can compare. Data and plan are compared later.
   *
   * @throws dev.gyre.trainer.checkpoint.ResumeRefusedException naming the keys that differ
   * @throws DataException if an earlier build prepared the data; says how to resume
   */
  void requireSameJob(JobSpec job) {
    ResumeCheck.requireSameJob(checkpoint, manifest.identity(), job);
    if (!Feed.isComparable(manifest.identity().data())) {
      throw new DataException(
          """
          cannot resume from %s: an earlier build prepared the data of this run, and this build \
          may make other rows of the same files.
                Train to the end with that build, or start a new run from the weights:
                ./gyre checkpoint export %s --hf out/
                then, in the job file, replace all keys of model by: model: {from: out/}"""
              .formatted(checkpoint, NextCommands.run(folder)));
    }
  }
}
