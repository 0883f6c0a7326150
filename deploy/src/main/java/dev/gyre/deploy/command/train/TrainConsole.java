package dev.gyre.deploy.command.train;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.PlanText;
import dev.gyre.deploy.console.StepTable;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.run.JobEvents;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.plan.BackendChoice;
import dev.gyre.partitioning.plan.MemoryEstimate;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.step.StepMetrics;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.LongSupplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Prints the progress of a job, and collects the figures for its summary. */
final class TrainConsole implements JobEvents {
  private static final int MOST_WARNINGS = 3;

  private final Console console;
  private final JobSpec job;
  private final StepTable table;
  private final boolean planGiven;
  private final long beganNanos;
  private final LongSupplier nanoClock;
  private final List<Double> stepSeconds = new ArrayList<>();
  private long tokens;
  private long stepsWithoutLabels;
  private double trainSeconds;
  private double exposedSeconds;
  private long skipped;
  private List<WorkerCapabilities.Backend> offered = List.of();
  private @Nullable Plan plan;
  private @Nullable EvalMetrics lastEval;
  private @Nullable StepMetrics lastStep;

  /**
   * @param planGiven the plan was given by the user, so nothing in it is marked as chosen
   *     automatically
   * @param beganNanos when the command was started
   * @param nanoClock as {@link System#nanoTime}
   */
  TrainConsole(
      Console console, JobSpec job, boolean planGiven, long beganNanos, LongSupplier nanoClock) {
    this.console = console;
    this.job = job;
    this.planGiven = planGiven;
    this.beganNanos = beganNanos;
    this.nanoClock = nanoClock;
    this.table = new StepTable(console, job.train().steps(), job.model().vocabulary());
  }

  @Override
  public void offered(WorkerCapabilities offers) {
    offered = offers.backends();
  }

  @Override
  public void planned(Plan made) {
    plan = made;
    console.titled(
        "kernel",
        "backend %s  %s  %s"
            .formatted(
                PlanText.chosen(made.backend(), asked(job.backend(), made.backend()), also(made)),
                PlanText.chosen(made.dtype(), asked(job.train().dtype(), made.dtype()), ""),
                made.instructionSet()));
    preferred(made.backend()).forEach(reason -> console.titled("", reason));
    console.titled("plan", PlanText.shape(made) + "; every tile computed once: proven per batch");
    console.titled("", PlanText.traffic(made, job));
    console.busy("start  opening workers");
  }

  /** The value that the user asked for: with a given plan, the plan's. */
  private String asked(String inJob, String inPlan) {
    return planGiven ? inPlan : inJob;
  }

  /** Reasons why backends with a higher preference cannot be used. */
  private List<String> preferred(String chosen) {
    return offered.stream()
        .takeWhile(offer -> !offer.name().equals(chosen))
        .filter(offer -> job.backend().equals(BackendChoice.AUTO) && !offer.available())
        .map(WorkerCapabilities.Backend::unavailable)
        .toList();
  }

  /** The other available backends; the log says why the rest is not available. */
  private String also(Plan made) {
    String others =
        offered.stream()
            .filter(WorkerCapabilities.Backend::available)
            .map(WorkerCapabilities.Backend::name)
            .filter(name -> !name.equals(made.backend()))
            .collect(Collectors.joining(", "));
    return others.isEmpty() ? "" : "; also: " + others;
  }

  @Override
  public void started() {
    // The first step may take minutes, and a pipe does not show the transient line.
    if (console.isTerminal()) {
      console.busy("start  %s joined; first step".formatted(workers()));
    } else {
      console.titled("start", workers() + " joined");
    }
  }

  private String workers() {
    return Units.of(plan == null ? 0 : plan.mesh().workers(), "worker");
  }

  @Override
  public void step(StepMetrics metrics) {
    if (lastStep == null) {
      String after =
          "first step after %s      Ctrl-C saves and stops; again: stops now"
              .formatted(Units.seconds((nanoClock.getAsLong() - beganNanos) / 1e9));
      if (console.isTerminal()) {
        console.titled("start", workers() + " joined, " + after);
      } else {
        console.titled("", after);
      }
    }
    lastStep = metrics;
    if (Double.isNaN(metrics.loss()) && !metrics.skipped()) {
      withoutLabels(metrics.step());
    }
    tokens += metrics.tokens();
    trainSeconds += metrics.stepSeconds();
    exposedSeconds += metrics.exposedFraction() * metrics.stepSeconds();
    stepSeconds.add(metrics.stepSeconds());
    skipped += metrics.skipped() ? 1 : 0;
    EvalMetrics eval = metrics.eval();
    if (eval != null) {
      lastEval = eval;
      table.remark(
          eval.measured()
              ? String.format(Locale.ROOT, "eval %.2f%s", eval.loss(), sure(eval, "  %.0f %% sure"))
              : "eval -");
    }
    table.step(metrics);
  }

  /** Warns at the first such steps; the summary has their number. */
  private void withoutLabels(long step) {
    stepsWithoutLabels++;
    if (stepsWithoutLabels <= MOST_WARNINGS) {
      console.line(
          "step %d: no token of this batch has a label, so there is no loss to train on%s"
              .formatted(
                  step,
                  stepsWithoutLabels == MOST_WARNINGS ? "; further such steps: no line" : ""));
    }
  }

  @Override
  public void saved(long step, String folder) {
    console.titled("saved", "step " + step + " in " + folder);
  }

  @Override
  public void note(String text) {
    console.line(text);
  }

  @Nullable EvalMetrics lastEval() {
    return lastEval;
  }

  /**
   * The share of correct answers with more than half of the probability, formatted; empty if not
   * measured.
   */
  static String sure(EvalMetrics eval, String format) {
    Double sure = eval.accuracyLowerBound();
    return sure == null ? "" : String.format(Locale.ROOT, format, 100 * sure);
  }

  /** Prints the lines after the last step: predicted and measured time, loss by position, files. */
  void summary() {
    StepMetrics last = lastStep;
    if (last == null) {
      console.titled("done", "no steps were left to do");
      return;
    }
    console.line("");
    console.titled(
        "done",
        "%s%s, %s tokens in %s, %s of it exposed communication and waits%s"
            .formatted(
                Units.of(stepSeconds.size(), "step"),
                skipped == 0 ? "" : " (%,d skipped: not finite)".formatted(skipped),
                Units.count(tokens),
                Units.seconds(trainSeconds),
                Units.percent(trainSeconds == 0 ? 0 : exposedSeconds / trainSeconds),
                prediction(last)));
    if (stepsWithoutLabels > 0) {
      console.titled(
          "", "%,d of the steps had no labels to train on".formatted(stepsWithoutLabels));
    }
  }

  /** The plan's predictions compared with measurements. */
  private String prediction(StepMetrics last) {
    Plan made = plan;
    if (made == null) {
      return "";
    }
    MemoryEstimate memory = made.memory();
    String tensors =
        "tensors %s/%s"
            .formatted(
                Units.bytes(memory.resident() + memory.balanced()),
                Units.bytes(last.memoryBytes()));
    if (made.stepMicros() == 0) {
      return "; predicted/measured: " + tensors;
    }
    return "; predicted/measured: step %s/%s, %s"
        .formatted(Units.seconds(made.stepMicros() / 1e6), Units.seconds(medianStep()), tensors);
  }

  private double medianStep() {
    List<Double> sorted = stepSeconds.stream().sorted().toList();
    return sorted.get(sorted.size() / 2);
  }

  void reach(EvalMetrics eval) {
    StringBuilder line = new StringBuilder("at token ");
    for (EvalMetrics.PositionLoss r : eval.lossByPosition()) {
      String to = r.to() == Integer.MAX_VALUE ? "" : short_(r.to());
      line.append(String.format(Locale.ROOT, "%s-%s: %.2f   ", short_(r.from()), to, r.loss()));
    }
    console.titled("reach", line.toString().strip());
  }

  private static String short_(int position) {
    return position < 4096 ? Integer.toString(position) : position / 1024 + "k";
  }
}
