package dev.gyre.deploy.options;

import picocli.CommandLine.Option;

/** The option for the compute backend, for commands without a job. */
public final class BackendOption {
  @Option(
      names = "--backend",
      paramLabel = "B",
      defaultValue = "auto",
      description =
          "Compute backend: auto, onednn, vector, torch or scalar. Default: ${DEFAULT-VALUE}.")
  private String backend = "auto";

  public String name() {
    return backend;
  }
}
