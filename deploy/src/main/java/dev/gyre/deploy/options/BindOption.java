package dev.gyre.deploy.options;

import picocli.CommandLine.Option;

/** The option for pinning workers to cores, for all commands that start workers. */
public final class BindOption {
  @Option(
      names = "--no-bind",
      description =
          "Do not pin workers to cores. By default each worker is pinned to its own cores, unless"
              + " there are fewer cores than workers or CPU affinity is already restricted.")
  private boolean unbound;

  public boolean bind() {
    return !unbound;
  }
}
