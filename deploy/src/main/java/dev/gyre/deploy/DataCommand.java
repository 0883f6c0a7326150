package dev.gyre.deploy;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "data",
    mixinStandardHelpOptions = true,
    header = "Prepares a job's text, and shows what the model gets to see of it.",
    description = {
      "Prepared tokens are kept in .gyre/data and used again as long as the files stay the same."
    },
    subcommands = {DataPrepareCommand.class, DataInspectCommand.class},
    synopsisSubcommandLabel = "COMMAND")
final class DataCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
