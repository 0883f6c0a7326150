package dev.gyre.deploy.command.bench;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    header = "Measure training, collectives, attention, balance and kernels.",
    description = {"To compare with other frameworks and other machines."},
    subcommands = {
      BenchTrainCommand.class,
      BenchCollectivesCommand.class,
      BenchAttentionCommand.class,
      BenchBalanceCommand.class,
      BenchKernelsCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
public final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
