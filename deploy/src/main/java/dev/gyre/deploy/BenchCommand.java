package dev.gyre.deploy;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    header = "Measures this machine: a job, the collectives, a ring's balance, every kernel.",
    description = {"For comparison with other frameworks and other machines."},
    subcommands = {
      BenchTrainCommand.class,
      BenchCollectivesCommand.class,
      BenchBalanceCommand.class,
      BenchKernelsCommand.class
    },
    synopsisSubcommandLabel = "COMMAND")
final class BenchCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    spec.commandLine().usage(System.out);
  }
}
