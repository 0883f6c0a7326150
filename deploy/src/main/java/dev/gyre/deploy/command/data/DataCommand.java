package dev.gyre.deploy.command.data;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "data",
    mixinStandardHelpOptions = true,
    header = "Tokenize a job's text, and show its rows.",
    description = {"Tokens are cached in .gyre/data and reused until the files change."},
    subcommands = {DataPrepareCommand.class, DataInspectCommand.class},
    synopsisSubcommandLabel = "COMMAND")
public final class DataCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
