package dev.gyre.deploy.command.data;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.options.Home;
import dev.gyre.deploy.options.JobArgument;
import dev.gyre.deploy.run.JobData;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.data.PackStats;
import dev.gyre.trainer.data.TokenTemplate;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

@Command(
    name = "prepare",
    mixinStandardHelpOptions = true,
    header = "Read and tokenize a job's text ahead of time.",
    description = {"gyre train does the same when the text has changed."},
    footer = {"", "Try    ./gyre data prepare JOB.yaml"})
final class DataPrepareCommand implements Callable<ExitCode> {
  @Mixin private JobArgument argument = new JobArgument();

  @Override
  public ExitCode call() throws IOException {
    JobSpec job = argument.read(List.of());
    Console console = Console.standard();
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      PackStats train = data.feed().stats(0);
      console.titled("data", data.describe());
      console.titled(
          "tokens",
          String.format(
              Locale.ROOT,
              "%,d, vocabulary %,d; %s",
              data.store().tokens(),
              data.tokenizer().vocabSize(),
              template(job, data.tokenizer().template())));
      data.notes().forEach(note -> console.titled("text", note));
      console.titled(
          "epoch",
          String.format(
              Locale.ROOT,
              "%s of %s: %s of %s; held out: %s, %s of the tokens",
              Units.of(train.rows(), "row"),
              Units.of(train.rowTokens(), "token"),
              Units.of(Math.round((double) train.rows() / job.train().rowsPerStep()), "step"),
              Units.of(job.train().rowsPerStep(), "row"),
              Units.of(data.feed().heldOutRows(), "row"),
              Units.percent(data.feed().heldOutShare())));
      console.titled(
          "kept",
          data.store().folder() + "   (" + Units.bytes(data.store().textBytes()) + " text)");
    }
    return ExitCode.DONE;
  }

  private static String template(JobSpec job, TokenTemplate template) {
    if (template.isEmpty()) {
      return "no tokens around a document";
    }
    return job.dataset().specialTokens().equals("template")
        ? "each document as " + template.shown()
        : "the tokenizer's template, %s, is not added (dataset.special-tokens: template adds it)"
            .formatted(template.shown());
  }
}
