package dev.gyre.deploy.command.checkpoint;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "checkpoint",
    mixinStandardHelpOptions = true,
    header = "List, verify and export the checkpoints of a run.",
    description = {"A run keeps its newest checkpoints in runs/NAME/checkpoints/step-N."},
    subcommands = {
      CheckpointListCommand.class,
      CheckpointVerifyCommand.class,
      CheckpointExportCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
public final class CheckpointCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
