package dev.gyre.deploy;

import java.nio.file.Path;
import picocli.CommandLine.Option;

/** Where runs are kept: shared by all commands that make or read one. */
final class RunsOption {
  @Option(
      names = "--runs",
      paramLabel = "DIR",
      defaultValue = "runs",
      description = "Where runs are kept. Default: ${DEFAULT-VALUE}.")
  private Path runs = Path.of("runs");

  Path path() {
    return runs;
  }
}
