package dev.gyre.deploy.command;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.PlanReport;
import dev.gyre.deploy.console.PlanText;
import dev.gyre.deploy.console.Units;
import dev.gyre.deploy.drawing.ScheduleDrawing;
import dev.gyre.deploy.job.PlannedHosts;
import dev.gyre.deploy.options.Home;
import dev.gyre.deploy.options.JobOptions;
import dev.gyre.deploy.run.JobData;
import dev.gyre.deploy.run.LocalPlanner;
import dev.gyre.deploy.run.Preflight;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.Planner;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.trainer.data.BatchShape;
import dev.gyre.trainer.data.RowShape;
import dev.gyre.trainer.dryrun.ModelDryRun;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

@Command(
    name = "plan",
    mixinStandardHelpOptions = true,
    header = "Show how a job would run on this machine, without running it.",
    description = {
      "Prints mesh, placement of tokens, heads and experts, traffic, memory and time, and proves the"
          + " schedule of the first batch. A degree that is 0 or not given is chosen by the plan. Exits"
          + " with 64 if the job cannot run."
    },
    footer = {
      "",
      "Try    ./gyre plan --ring 4",
      "       ./gyre plan JOB.yaml --ring 4 --svg ring.svg",
      "       ./gyre plan JOB.yaml --json > plan.json",
      "       ./gyre train JOB.yaml --plan plan.json"
    })
public final class PlanCommand implements Callable<ExitCode> {
  @Mixin private JobOptions options = new JobOptions();

  @Option(names = "--json", description = "Print the plan as JSON, for train --plan.")
  private boolean json;

  @Option(
      names = "--svg",
      paramLabel = "FILE",
      description = "Draw the attention schedule of a full row, one picture per layer type.")
  private @Nullable Path svg;

  @Option(
      names = "--no-measure",
      description = "Do not measure this machine: faster, but without a predicted step time.")
  private boolean unmeasured;

  @Option(
      names = "--machine",
      paramLabel = "FILE|KEY=VALUE,...",
      description =
          "Plan for hosts like this instead of this machine: cores and memory of a host, matmul and"
              + " attention FLOP/s of a core, link bytes/s of a rank, ranks on a host (default 1),"
              + " count of hosts (default: as many as needed). For example "
              + PlannedHosts.EXAMPLE
              + ". Several kinds of hosts: a YAML file with a list of them,"
              + " hosts: [{count: 4, cores: 8, ...}, ...].")
  private @Nullable String machine;

  @Override
  public ExitCode call() throws IOException {
    JobSpec job = options.read();
    Preflight.requireWeights(job);
    WorkerCapabilities here = LocalPlanner.offers(job);
    WorkerCapabilities hosts =
        machine == null
            ? here
            : PlannedHosts.read(machine)
                .capabilities(job.mesh(), Planner.mesh(job).workers(), here.backends());
    Plan plan =
        machine == null
            ? LocalPlanner.plan(job, !unmeasured)
            : ModelDryRun.PLANNER.plan(job, hosts);
    Optional<FirstBatch> batch = firstBatch(job);
    PlanReport report =
        PlanReport.of(job, plan, batch.map(FirstBatch::rows).orElseGet(() -> fullRows(job)));
    long memory = hosts.workerMemoryBytes(plan.mesh().workers());
    if (json) {
      PlanValidator.requireMemory(plan, hosts);
      System.out.println(SpecJson.write(plan));
      return ExitCode.DONE;
    }
    Console console = Console.standard();
    Path picture = svg;
    if (picture != null) {
      Documents full = new Documents(job.train().sequenceLength());
      Files.writeString(picture, ScheduleDrawing.of(job.model(), plan, full));
      console.titled("drawn", picture.toString());
      return ExitCode.DONE;
    }
    console.titled("job", options.path().toString());
    console.titled("data", batch.map(FirstBatch::text).orElseGet(() -> unprepared(job)));
    console.titled("model", PlanText.model(job.model()));
    if (machine != null) {
      console.titled("hosts", PlanText.hosts(hosts.hosts(plan.mesh().workers())));
    }
    report.lines(memory).forEach(console::line);
    PlanValidator.requireMemory(plan, hosts);
    return ExitCode.DONE;
  }

  private record FirstBatch(List<Documents> rows, String text) {}

  private static Optional<FirstBatch> firstBatch(JobSpec job) {
    Optional<JobData> prepared = JobData.find(job, Home.folder());
    if (prepared.isEmpty()) {
      return Optional.empty();
    }
    try (JobData data = prepared.get()) {
      Preflight.requireRows(job, data);
      Preflight.requireLabels(job, data);
      BatchShape shape = data.feed().shape(0);
      List<Documents> rows = new ArrayList<>();
      int documents = 0;
      for (RowShape row : shape.rows()) {
        rows.add(row.documents());
        documents += row.documents().count();
      }
      String text =
          "%s%n       first batch: %s, %,d labelled, in %s and %s"
              .formatted(
                  data.describe(),
                  Units.of(shape.tokens(), "token"),
                  shape.labelled(),
                  Units.of(documents, "document"),
                  Units.of(rows.size(), "row"));
      return Optional.of(new FirstBatch(rows, text));
    }
  }

  /** Full rows of one document each: the most work that a batch can have. */
  private static List<Documents> fullRows(JobSpec job) {
    Documents full = new Documents(job.train().sequenceLength());
    return Collections.nCopies(job.train().rowsPerStep(), full);
  }

  private static String unprepared(JobSpec job) {
    return ("not prepared yet (./gyre data prepare does it), so the first batch is not known;%n"
            + "       shown for full rows of one document each, %,d tokens")
        .formatted(job.train().batchTokens());
  }
}
