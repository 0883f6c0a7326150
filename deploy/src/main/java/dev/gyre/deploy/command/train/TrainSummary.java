package dev.gyre.deploy.command.train;

import dev.gyre.coordinator.Outcome;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.files.RunFolder;
import dev.gyre.deploy.run.JobData;
import dev.gyre.trainer.data.Baselines;
import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.worker.Failure;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * The lines after a successful job: loss with reference values, a text sample, suggested commands.
 * If a line cannot be computed, its reason is printed instead; the command does not fail.
 *
 * @param steps of the job
 */
record TrainSummary(
    Console console, RunFolder folder, JobData data, NextCommands next, long steps) {
  void print(TrainConsole events, Outcome outcome) {
    events.summary();
    EvalMetrics eval = events.lastEval();
    if (eval != null) {
      evaluation(eval, events);
    }
    String checkpoint = outcome.newestCheckpoint();
    if (checkpoint != null && !data.feed().isTask()) {
      console.busy("text   generating");
      extra("text", () -> SampleText.of(folder));
    }
    console.titled(
        "files",
        "%s: metrics.jsonl  plan.json  job.json  log.txt  checkpoints/%s"
            .formatted(folder, checkpoint == null ? "" : Path.of(checkpoint).getFileName()));
    if (checkpoint != null) {
      next.print(console, steps);
    }
  }

  private void evaluation(EvalMetrics eval, TrainConsole events) {
    if (!eval.measured()) {
      console.titled("loss", "held out -: no held-out token has a label");
    } else if (eval.accuracyLowerBound() != null) {
      console.titled(
          "answer",
          TrainConsole.sure(eval, "%.1f %% of ")
              + "%,d held-out answers with more than half of the probability"
                  .formatted(eval.tokens()));
    } else {
      extra("loss", () -> loss(eval));
      events.reach(eval);
    }
  }

  private String loss(EvalMetrics eval) {
    String held =
        String.format(
            Locale.ROOT, "held out %.2f nats/byte", eval.loss() / data.feed().textBytesPerToken());
    Optional<Baselines> scale = Baselines.measure(data.feed(), data.tokenizer());
    return scale
        .map(
            b ->
                String.format(
                    Locale.ROOT,
                    "%s   for scale: byte bigram %.2f, trigram %.2f, gzip %.2f",
                    held,
                    b.bigram(),
                    b.trigram(),
                    b.gzip()))
        .orElse(held);
  }

  private void extra(String title, Callable<String> text) {
    extra(console, title, text);
  }

  /** Prints a line; if computing its text fails, prints the reason instead. */
  static void extra(Console console, String title, Callable<String> text) {
    String shown;
    try {
      shown = text.call();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      shown = "none: interrupted";
    } catch (Exception | OutOfMemoryError | StackOverflowError | LinkageError e) {
      shown = "none: " + Failure.of(e).message();
    }
    console.titled(title, shown);
  }
}
