package dev.gyre.deploy.command.data;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.RowText;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.options.Home;
import dev.gyre.deploy.options.JobArgument;
import dev.gyre.deploy.run.JobData;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.trainer.data.BatchShape;
import java.io.IOException;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    header = "Show the rows of a step as the model sees them, decoded.",
    description = {
      "Shows which documents share a row, where a document is cut, and how many tokens have a label."
          + " The last token of a document has none, unless the document continues in another row."
    },
    footer = {
      "",
      "Try    ./gyre data inspect JOB.yaml --step 0",
      "       ./gyre data inspect JOB.yaml --step 7 --rows 2 --chars -1"
    })
final class DataInspectCommand implements Callable<ExitCode> {
  @Mixin private JobArgument argument = new JobArgument();

  @Option(
      names = "--step",
      paramLabel = "N",
      defaultValue = "0",
      description = "Step to show, counted from 0. Default: ${DEFAULT-VALUE}.")
  private long step;

  @Option(
      names = "--rows",
      paramLabel = "K",
      defaultValue = "1",
      description = "Number of rows to show. Default: ${DEFAULT-VALUE}.")
  private int rows;

  @Option(
      names = "--chars",
      paramLabel = "C",
      defaultValue = "240",
      description =
          "Characters to show of each document, half from each end; 0: none, -1: all. Default:"
              + " ${DEFAULT-VALUE}.")
  private int chars;

  @Override
  public ExitCode call() throws IOException {
    TrainSpec.STEPS.require("--step", step);
    NumberRange.wholeAtLeast(1).require("--rows", rows);
    NumberRange.wholeAtLeast(-1).require("--chars", chars);
    JobSpec job = argument.read(List.of());
    Console console = Console.standard();
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      BatchShape shape = data.feed().shape(step);
      int all = shape.rows().size();
      console.line(
          "step %d: %s, %s, %s"
              .formatted(
                  step,
                  Units.of(all, "row"),
                  Units.of(shape.tokens(), "token"),
                  Units.of(shape.labelled(), "label")));
      RowText text = new RowText(chars);
      for (int row = 0; row < Math.min(rows, all); row++) {
        List<String> lines =
            text.lines(row, data.feed().inspect(shape.rows().get(row), data.tokenizer()));
        lines.forEach(console::line);
      }
      if (rows < all) {
        console.line("");
        console.line((all - rows) + " more: --rows " + all);
      }
    }
    return ExitCode.DONE;
  }
}
