package dev.gyre.deploy.options;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** The argument that names a checkpoint or a run, for all commands that read checkpoints. */
public final class CheckpointArgument {
  @Parameters(
      index = "0",
      paramLabel = "RUN|FOLDER",
      description = "A run's name or folder, or the folder of one checkpoint.")
  private Path named = Path.of("");

  @Mixin private RunsOption runs = new RunsOption();

  /** The argument as written by the user. */
  public Path named() {
    return named;
  }

  /** The checkpoint itself, or the newest intact one of the run. */
  public Path find() throws IOException {
    return CheckpointSelection.find(named, runs.path());
  }

  /** The folder of the run, or of the run in which the checkpoint lies. */
  public Path run() throws IOException {
    return CheckpointSelection.run(named, runs.path());
  }

  /** The one checkpoint, or all of the run, oldest first; damaged ones included. */
  public List<Path> all() throws IOException {
    return CheckpointSelection.all(named, runs.path());
  }
}
