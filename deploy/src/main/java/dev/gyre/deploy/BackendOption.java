package dev.gyre.deploy;

import picocli.CommandLine.Option;

/** The compute backend: shared by commands that do not take it from a job. */
final class BackendOption {
  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description =
          "Compute backend: auto, onednn, vector, torch or scalar. Default: ${DEFAULT-VALUE}.")
  private String backend = "auto";

  String name() {
    return backend;
  }
}
