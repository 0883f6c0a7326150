package dev.gyre.deploy.console;

import static java.util.Objects.requireNonNull;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MemorySpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.Balance;
import dev.gyre.partitioning.plan.ExpertParallelForecast;
import dev.gyre.partitioning.plan.LayoutForecast;
import dev.gyre.partitioning.plan.LongestSequence;
import dev.gyre.partitioning.plan.MemoryEstimate;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.RowDeal;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.partitioning.plan.ScheduleForecast;
import dev.gyre.partitioning.plan.StepCost;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.dryrun.ModelDryRun;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The full report of a plan and the rows of a batch: token layout, the work and traffic of each
 * rank, and the proofs.
 */
public final class PlanReport {
  private static final String PLACE = "%4s  %4s %4s %7s %6s  %9s %8s  %6s %5s";
  private static final int FIRST_RANKS = 24;
  private static final int LAST_RANKS = 8;
  private static final String ATTENTION = "  %9s %5s %5s  %8s";

  private final JobSpec job;
  private final Plan plan;
  private final Mesh mesh;
  private final HeadSplit heads;
  private final int batchRows;

  /** Of each micro-step and data rank, in this order. */
  private final List<Rows> rows;

  /** One row, with the attention schedule of each kind of layer. */
  private record Rows(SequenceLayout layout, Map<LayerKind, Attention> attention) {
    Attention of(LayerKind layers) {
      return requireNonNull(attention.get(layers));
    }
  }

  private record Attention(AttentionSchedule schedule, Balance balance) {}

  private PlanReport(JobSpec job, Plan plan, int batchRows, List<Rows> rows) {
    this.job = job;
    this.plan = plan;
    this.mesh = plan.mesh();
    this.heads = HeadSplit.of(job.model().heads().kvHeadOf(), plan.mesh());
    this.batchRows = batchRows;
    this.rows = rows;
  }

  /**
   * Lays out and schedules the rows of every micro-step of a batch, and proves each.
   *
   * @param batch documents of each row, in order; row i goes to data rank i modulo their number
   * @throws dev.gyre.partitioning.plan.InvalidPlanException naming the first violation
   */
  public static PlanReport of(JobSpec job, Plan plan, List<Documents> batch) {
    Map<LayerKind, AttentionMask> masks = job.model().maskOfKind();
    Map<LayerKind, ScheduleKind> kinds = plan.scheduleKinds(job.model());
    List<Rows> rows = new ArrayList<>();
    for (Documents documents : microSteps(plan, batch)) {
      SequenceLayout layout = plan.layoutOf(documents);
      Map<LayerKind, Attention> attention = new EnumMap<>(LayerKind.class);
      masks.forEach(
          (layers, mask) -> {
            AttentionSchedule schedule = requireNonNull(kinds.get(layers)).schedule(layout, mask);
            PlanValidator.validate(layout, schedule, mask);
            attention.put(layers, new Attention(schedule, Balance.of(layout, schedule)));
          });
      if (job.model().linearLayers() > 0) {
        PlanValidator.validate(layout, LinearAttentionLayout.of(layout));
      }
      rows.add(new Rows(layout, attention));
    }
    return new PlanReport(job, plan, batch.size(), rows);
  }

  /** Documents of each micro-step and data rank, in this order. */
  private static List<Documents> microSteps(Plan plan, List<Documents> batch) {
    int ranks = plan.mesh().degree(Axis.DATA);
    List<Documents> all = new ArrayList<>();
    for (List<List<Integer>> step : RowDeal.of(batch.size(), ranks, plan.rowsPerMicroStep())) {
      for (List<Integer> own : step) {
        if (!own.isEmpty()) {
          all.add(Documents.concatenated(own.stream().map(batch::get).toList()));
        }
      }
    }
    return all;
  }

  /** All lines, headings included. */
  public List<String> lines(long workerMemoryBytes) {
    List<String> lines = new ArrayList<>();
    lines.add(titled("mesh", mesh()));
    lines.add(titled("kernel", kernel()));
    lines.add("");
    lines.addAll(ranks());
    lines.add("");
    if (plan.rowsPerMicroStep() > 1) {
      lines.add(
          titled(
              "rows",
              "up to %d of %,d tokens in a micro-step, so that a rank has about %,d at once"
                  .formatted(
                      plan.rowsPerMicroStep(),
                      job.train().sequenceLength(),
                      plan.rowsPerMicroStep()
                          * job.train().sequenceLength()
                          / mesh.degree(Axis.RING, Axis.ULYSSES))));
    }
    for (ScheduleChoice choice : plan.schedules()) {
      lines.add(titled("layers", layers(choice)));
    }
    if (job.model().linearLayers() > 0) {
      lines.add(
          titled(
              "layers",
              "%s × %d: causal in each document, no other mask; states go from rank to rank"
                  .formatted(LayerKind.LINEAR.key(), job.model().linearLayers())));
    }
    lines.add(titled("sends", sends()));
    lines.add(titled("memory", memory(workerMemoryBytes)));
    lines.add(titled("recompute", activations()));
    lines.addAll(longest(workerMemoryBytes));
    lines.add(titled("time", time()));
    lines.add(titled("proven", proven()));
    return lines;
  }

  private static String titled(String title, String text) {
    return String.format("%-6s %s", title, text);
  }

  private String mesh() {
    return "%s = %s; layout %s%s;%n       expert-parallel %d%s"
        .formatted(
            mesh.factors(),
            Units.of(mesh.workers(), "worker"),
            plan.layout().key(),
            layoutReason(),
            mesh.expertParallel(),
            expertsReason());
  }

  private String expertsReason() {
    List<String> forecasts = new ArrayList<>();
    for (ExpertParallelForecast f : plan.expertParallelForecasts()) {
      forecasts.add(
          "%d %s, %s"
              .formatted(
                  f.expertParallel(),
                  Units.seconds(f.micros() / 1e6),
                  Units.bytes(f.memoryBytes())));
    }
    return forecasts.isEmpty()
        ? ""
        : " (auto; a step and its memory: %s)".formatted(String.join("; ", forecasts));
  }

  private String layoutReason() {
    List<String> forecasts = new ArrayList<>();
    for (LayoutForecast f : plan.layouts()) {
      forecasts.add(f.layout().key() + " " + Units.seconds(f.micros() / 1e6));
    }
    return forecasts.isEmpty()
        ? ""
        : " (auto; attention of a row of one document and one of many: %s)"
            .formatted(String.join(", ", forecasts));
  }

  private String kernel() {
    return "%s on %s  %s  %s  kernel threads per worker: %d  transport %s"
        .formatted(
            PlanText.chosen(plan.backend(), job.backend(), ""),
            plan.device(),
            PlanText.chosen(plan.dtype(), job.train().dtype(), ""),
            plan.instructionSet(),
            plan.kernelThreads(),
            PlanText.chosen(plan.transport(), job.transport(), ": " + plan.transportReason()));
  }

  /**
   * A line for each of the first and last ranks: its place in the mesh, what it holds, and its work
   * and traffic in one attention layer.
   */
  private List<String> ranks() {
    StringBuilder over =
        new StringBuilder("      place in the mesh         holds                        ");
    StringBuilder columns =
        new StringBuilder(
            PLACE.formatted(
                "rank", "data", "ring", "ulysses", "expert", "tokens", "experts", "heads", "kv"));
    for (ScheduleChoice choice : plan.schedules()) {
      over.append(String.format("    %-29s", "one " + choice.layers().key() + " layer"));
      columns.append(ATTENTION.formatted("pairs", "steps", "sends", "bytes"));
    }
    List<String> lines = new ArrayList<>();
    lines.add(over.toString().stripTrailing());
    lines.add(columns.toString());
    int workers = mesh.workers();
    int first = workers <= FIRST_RANKS + LAST_RANKS ? workers : FIRST_RANKS;
    int last = Math.max(first, workers - LAST_RANKS);
    for (int rank = 0; rank < first; rank++) {
      lines.add(rank(rank));
    }
    if (last > first) {
      lines.add("   …  %s more".formatted(Units.of((long) last - first, "rank")));
    }
    for (int rank = last; rank < workers; rank++) {
      lines.add(rank(rank));
    }
    return lines;
  }

  private String rank(int rank) {
    HeadSplit.Part part = heads.parts().get(mesh.place(rank, Axis.ULYSSES));
    long tokens = 0;
    for (Rows row : rowsOf(rank)) {
      tokens += row.layout.tokens(mesh.place(rank, Axis.RING), mesh.place(rank, Axis.ULYSSES));
    }
    StringBuilder line =
        new StringBuilder(
            PLACE.formatted(
                rank,
                mesh.place(rank, Axis.DATA),
                mesh.place(rank, Axis.RING),
                mesh.place(rank, Axis.ULYSSES),
                mesh.place(rank, Axis.EXPERT),
                String.format(Locale.ROOT, "%,d", tokens),
                experts(mesh.place(rank, Axis.EXPERT)),
                range(part.firstQueryHead(), part.queryHeads()),
                range(part.firstKvHead(), part.kvHeads())));
    for (ScheduleChoice choice : plan.schedules()) {
      line.append(attention(rank, part, choice.layers()));
    }
    return line.toString();
  }

  private List<Rows> rowsOf(int rank) {
    List<Rows> own = new ArrayList<>();
    for (int row = mesh.place(rank, Axis.DATA); row < rows.size(); row += mesh.dataParallel()) {
      own.add(rows.get(row));
    }
    return own;
  }

  /** Work and traffic of one rank in a layer of a kind, over all rows. */
  private String attention(int rank, HeadSplit.Part part, LayerKind layers) {
    int ring = mesh.place(rank, Axis.RING);
    MessageBytes bytes =
        new MessageBytes(
            part.queryHeads(),
            part.kvHeads(),
            job.model().heads().size(),
            plan.dtype().equals("bf16") ? Short.BYTES : Float.BYTES);
    long pairs = 0;
    long steps = 0;
    long messages = 0;
    long sent = 0;
    for (Rows row : rowsOf(rank)) {
      Attention attention = row.of(layers);
      pairs += attention.balance.pairs().get(ring);
      for (Program program :
          List.of(
              attention.schedule.forward().get(ring), attention.schedule.backward().get(ring))) {
        steps += program.steps().size();
        sent += bytes.sent(program);
        messages += program.steps().stream().mapToInt(step -> step.sends().size()).sum();
      }
    }
    return ATTENTION.formatted(Units.count(pairs), steps, messages, Units.bytes(sent));
  }

  private String experts(int expertRank) {
    return range(plan.experts().first(expertRank), plan.experts().count(expertRank));
  }

  private static String range(int first, int count) {
    return count == 0 ? "-" : count == 1 ? "" + first : first + "-" + (first + count - 1);
  }

  /** The schedule of a kind of layer, the reason for it, and its load balance. */
  private String layers(ScheduleChoice choice) {
    int count = job.model().layers(choice.layers());
    Map<String, Integer> used = new TreeMap<>();
    long tokens = 0;
    long pairs = 0;
    for (Rows row : rows) {
      Attention attention = row.of(choice.layers());
      used.merge(attention.schedule.kind(), 1, Integer::sum);
      tokens = Math.max(tokens, attention.balance.tokensOverMean());
      pairs = Math.max(pairs, attention.balance.pairsOverMean());
    }
    List<String> rowsOf = new ArrayList<>();
    used.forEach((kind, n) -> rowsOf.add(kind + " for " + Units.of(n, unit())));
    return String.format(
        Locale.ROOT,
        "%s × %d (%s): %s%s;%n       the fullest ring rank is over the mean by %.1f %% in tokens, %.1f %% in pairs",
        choice.layers().key(),
        count,
        job.model().maskOfKind().get(choice.layers()),
        String.join(", ", rowsOf),
        choice.rowsChoose() ? reason(choice) : "",
        tokens / 10.0,
        pairs / 10.0);
  }

  /** Predicted time of each schedule for the longest row. */
  private static String reason(ScheduleChoice choice) {
    List<String> forecasts = new ArrayList<>();
    for (ScheduleForecast forecast : choice.forecasts()) {
      forecasts.add(
          forecast.micros() == 0
              ? forecast.schedule() + " " + Units.bytes(forecast.bytes())
              : "%s %s, %s"
                  .formatted(
                      forecast.schedule(),
                      Units.seconds(forecast.micros() / 1e6),
                      Units.bytes(forecast.bytes())));
    }
    return " (auto; a layer of a full row, forward and backward: %s)"
        .formatted(String.join("; ", forecasts));
  }

  private String sends() {
    StepCost cost = plan.cost();
    return ("per step and worker: ring %s, ulysses %s, states %s, moves %s,"
            + "%n       experts %s, gradients %s, weights %s; in all %s")
        .formatted(
            Units.bytes(cost.ringBytes()),
            Units.bytes(cost.ulyssesBytes()),
            Units.bytes(cost.stateBytes()),
            Units.bytes(cost.moveBytes()),
            Units.bytes(cost.expertBytes()),
            Units.bytes(cost.gradientBytes()),
            Units.bytes(cost.parameterBytes()),
            Units.bytes(cost.bytes()));
  }

  private String memory(long workerMemoryBytes) {
    MemoryEstimate m = plan.memory();
    long room = m.workspace() - m.activations() - m.scratch();
    return ("%s of %s per worker: weights %s, gradients %s, optimizer %s,"
            + "%n       activations %s, scratch %s, room %s, process %s;"
            + "%n       a step touches %s of that if its experts are balanced")
        .formatted(
            Units.bytes(m.total()),
            Units.bytes(workerMemoryBytes),
            Units.bytes(m.weights()),
            Units.bytes(m.gradients()),
            Units.bytes(m.optimizer()),
            Units.bytes(m.activations()),
            Units.bytes(m.scratch()),
            Units.bytes(room),
            Units.bytes(MemoryEstimate.PROCESS),
            Units.bytes(m.resident() + m.balanced() + MemoryEstimate.PROCESS));
  }

  private String activations() {
    ActivationPlan a = plan.activations();
    String disk = a.offload() ? "; " + Units.bytes(plan.memory().stored()) + " on disk" : "";
    return "%s%s: %s".formatted(a.describe(), disk, a.reason());
  }

  /** The longest rows that fit with each activation policy, and how to fit longer ones. */
  private List<String> longest(long workerMemoryBytes) {
    LongestSequence longest = ModelDryRun.PLANNER.longest(job, plan, workerMemoryBytes);
    LongestSequence.Longest best = longest.best();
    List<String> lines = new ArrayList<>();
    lines.add(
        titled(
            "longest",
            best.tokens() == 0
                ? "no row fits: " + further(workerMemoryBytes)
                : String.format(
                    Locale.ROOT,
                    "rows of %,d tokens fit this mesh and memory, with %s",
                    best.tokens(),
                    best.policy().describe())));
    for (LongestSequence.Longest l : longest.policies()) {
      if (l.tokens() != best.tokens()) {
        lines.add(
            String.format(Locale.ROOT, "       %,d with %s", l.tokens(), l.policy().describe()));
      }
    }
    if (best.tokens() > 0) {
      lines.add("       further: " + further(workerMemoryBytes));
    }
    return lines;
  }

  private String further(long workerMemoryBytes) {
    List<String> ways = new ArrayList<>();
    if (plan.memory().resident() > workerMemoryBytes / 2) {
      ways.add(
          (plan.expertParallelForecasts().isEmpty()
                  ? "a smaller model, or more ranks of mesh.expert-parallel"
                  : "a smaller model")
              + ": weights are most of it");
    }
    if (!job.train().memory().equals(MemorySpec.planned())) {
      ways.add("leave train.recompute, train.offload and train.mlp-tile to auto");
    }
    ways.add(
        "twice the ranks on twice the memory (mesh.ring %d) halve what a rank holds of a row"
            .formatted(2 * mesh.ring()));
    return String.join("; ", ways);
  }

  private String time() {
    Rates rates = plan.rates();
    if (!rates.known()) {
      return "not predicted: the rates of this machine were not measured";
    }
    double seconds = plan.stepMicros() / 1e6;
    return "expect %s a step, %s for %,d; a worker's matmul %s, attention %s, copy %s/s"
        .formatted(
            Units.seconds(seconds),
            Units.seconds(seconds * job.train().steps()),
            job.train().steps(),
            flops(rates.matmulFlopsPerSecond()),
            flops(rates.attentionFlopsPerSecond()),
            Units.bytes(rates.linkBytesPerSecond()));
  }

  private static String flops(long perSecond) {
    return String.format(Locale.ROOT, "%,.0f GFLOP/s", perSecond / 1e9);
  }

  private String proven() {
    int documents = 0;
    for (Rows row : rows) {
      documents += row.layout.documents().count();
    }
    return ("every visible pair of %s with %s is computed exactly once, every send is received,"
            + "%n       no deadlock: forward and backward")
        .formatted(Units.of(batchRows, "row"), Units.of(documents, "document"));
  }

  /** What has a schedule of its own. */
  private String unit() {
    return plan.rowsPerMicroStep() > 1 ? "micro-step" : "row";
  }
}
