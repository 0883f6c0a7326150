package dev.gyre.deploy.options;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** The option for the folder of all runs, for all commands that read or write runs. */
public final class RunsOption {
  @Option(
      names = "--runs",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "Folder of the runs. Default: ${DEFAULT-VALUE}.")
  private Path runs = Path.of("runs");

  public Path path() {
    return runs;
  }
}
