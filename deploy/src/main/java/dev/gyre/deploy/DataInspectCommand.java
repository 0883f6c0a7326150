package dev.gyre.deploy;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.RowText;
import dev.gyre.deploy.run.JobData;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.trainer.data.BatchShape;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "inspect",
    mixinStandardHelpOptions = true,
    header = "Shows the rows of a step as the model sees them, decoded.",
    description = {
      "Which documents were packed together, where one was cut, and how many tokens have a label. A",
      "document's last token has none, unless the document goes on in another row: then its label is",
      "the next token there."
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
      description = "Which step, from 0. Default: ${DEFAULT-VALUE}.")
  private long step;

  @Option(
      names = "--rows",
      paramLabel = "K",
      defaultValue = "1",
      description = "Rows shown, from the step's first on. Default: ${DEFAULT-VALUE}.")
  private int rows;

  @Option(
      names = "--chars",
      paramLabel = "C",
      defaultValue = "240",
      description = {
        "Characters shown of each document, half from either end; 0 for none, -1 for all.",
        "Default: ${DEFAULT-VALUE}."
      })
  private int chars;

  @Override
  public ExitCode call() throws IOException {
    require(step >= 0, "--step " + step + ": steps count from 0");
    require(rows >= 1, "--rows " + rows + ": show at least 1");
    require(chars >= -1, "--chars " + chars + ": -1 for all, 0 for none, or a number");
    JobSpec job = argument.read(List.of());
    Console console = Console.standard();
    try (JobData data = JobData.open(job, Home.folder(), console)) {
      BatchShape shape = data.feed().shape(step);
      int all = shape.rows().size();
      console.line(
          String.format(
              Locale.ROOT,
              "step %d: %s, %,d tokens, %,d labels",
              step,
              all == 1 ? "1 row" : all + " rows",
              shape.tokens(),
              shape.labelled()));
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

  private static void require(boolean holds, String problem) {
    if (!holds) {
      throw new CommandFailure(ExitCode.BAD_JOB, problem);
    }
  }
}
