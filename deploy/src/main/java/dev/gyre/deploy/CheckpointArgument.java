package dev.gyre.deploy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/** Which checkpoint, or which run's: shared by all commands that read one. */
final class CheckpointArgument {
  @Parameters(
      index = "0",
      paramLabel = "RUN|FOLDER",
      description = "A run's name or folder, or the folder of one checkpoint.")
  private Path named = Path.of("");

  @Mixin private RunsOption runs = new RunsOption();

  /** As a person wrote it. */
  Path named() {
    return named;
  }

  /** The checkpoint itself, or the newest intact one of the run. */
  Path find() throws IOException {
    return CheckpointSelection.find(named, runs.path());
  }

  /** The folder of the run, or of the run in which the checkpoint lies. */
  Path run() throws IOException {
    return CheckpointSelection.run(named, runs.path());
  }

  /** The one checkpoint, or all of the run, oldest first; damaged ones included. */
  List<Path> all() throws IOException {
    return CheckpointSelection.all(named, runs.path());
  }
}
