package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.run.JobData;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.data.PackStats;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "prepare",
    mixinStandardHelpOptions = true,
    header = "Reads and tokenizes a job's text.",
    description = {
      "Done once, so that the job starts at once. gyre train does the same when it has to."
    },
    footer = {"", "Try    ./gyre data prepare JOB.yaml"})
final class DataPrepareCommand implements Callable<ExitCode> {
  @Mixin private JobArgument argument = new JobArgument();

  @Override
  public ExitCode call() {
    JobSpec job = argument.read(List.of());
    Console console = Console.standard();
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      PackStats train = data.feed().stats(0);
      console.titled("data", data.describe(job));
      console.titled(
          "tokens",
          String.format(
              Locale.ROOT,
              "%,d, vocabulary %,d; left out: %,d binary files, %,d empty documents",
              data.store().tokens(),
              data.tokenizer().vocabSize(),
              data.store().binarySkipped(),
              data.store().emptySkipped()));
      console.titled(
          "epoch",
          String.format(
              Locale.ROOT,
              "%,d rows of %,d tokens: %,.0f steps of %,d rows; %,d rows are held out",
              train.rows(),
              train.rowTokens(),
              (double) train.rows() / job.train().rowsPerStep(),
              job.train().rowsPerStep(),
              data.feed().heldOutRows()));
      console.titled(
          "kept",
          data.store().folder() + "   (" + Units.bytes(data.store().textBytes()) + " text)");
    }
    return ExitCode.DONE;
  }
}
