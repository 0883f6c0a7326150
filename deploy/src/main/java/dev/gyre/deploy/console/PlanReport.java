package dev.gyre.deploy.console;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LinearLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Balance;
import dev.gyre.partitioning.plan.MemoryEstimate;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.StepCost;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * A plan and the rows of a batch, in full: who holds what, what each rank computes and sends, and
 * whether all of it is proven.
 */
public final class PlanReport {
  private static final String COLUMNS = "%4s  %4s %4s %7s %6s  %9s %8s  %6s %5s %9s %5s %5s  %8s";

  private final JobSpec job;
  private final Plan plan;
  private final Mesh mesh;
  private final HeadSplit heads;
  private final List<Attention> rows;

  /** One row's attention. */
  private record Attention(SequenceLayout layout, AttentionSchedule schedule, Balance balance) {}

  private PlanReport(JobSpec job, Plan plan, List<Attention> rows) {
    this.job = job;
    this.plan = plan;
    this.mesh = plan.mesh();
    this.heads = HeadSplit.of(job.model().kvHeadOf(), plan.mesh());
    this.rows = rows;
  }

  /**
   * Lays out and schedules every row of a batch, and proves each.
   *
   * @param batch documents of each row, in order; row i goes to data rank i modulo their number
   * @throws dev.gyre.partitioning.plan.InvalidPlanException naming the first violation
   */
  public static PlanReport of(JobSpec job, Plan plan, List<Documents> batch) {
    List<AttentionMask> masks = job.model().masks();
    ScheduleKind kind = plan.scheduleKind(job.model());
    List<Attention> rows = new ArrayList<>();
    for (Documents documents : batch) {
      SequenceLayout layout = plan.layoutOf(documents);
      AttentionSchedule schedule = nothing(layout.ring());
      for (AttentionMask mask : masks.reversed()) {
        schedule = kind.schedule(layout, mask);
        PlanValidator.validate(layout, schedule, mask);
      }
      if (job.model().linearLayers() > 0) {
        PlanValidator.validate(layout, LinearLayout.of(layout));
      }
      rows.add(new Attention(layout, schedule, Balance.of(layout, schedule)));
    }
    return new PlanReport(job, plan, rows);
  }

  /** Of a model without softmax layers. */
  private static AttentionSchedule nothing(int ring) {
    List<Program> programs = Collections.nCopies(ring, new Program(List.of()));
    return new AttentionSchedule("none", programs, programs);
  }

  /** All lines, headings included. */
  public List<String> lines(long workerMemoryBytes) {
    List<String> lines = new ArrayList<>();
    lines.add(titled("mesh", mesh()));
    lines.add(titled("kernel", kernel()));
    lines.add("");
    lines.addAll(ranks());
    lines.add("");
    lines.add(titled("even", evenness()));
    lines.add(titled("sends", sends()));
    lines.add(titled("memory", memory(workerMemoryBytes)));
    lines.add(titled("time", time()));
    lines.add(titled("proven", proven()));
    return lines;
  }

  private static String titled(String title, String text) {
    return String.format("%-6s %s", title, text);
  }

  private String mesh() {
    return "data-parallel %d × ring %d × ulysses %d = %s; expert-parallel %d; layout %s, schedule %s"
        .formatted(
            mesh.dataParallel(),
            mesh.ring(),
            mesh.ulysses(),
            mesh.workers() == 1 ? "1 worker" : mesh.workers() + " workers",
            mesh.expertParallel(),
            plan.layout().key(),
            plan.schedule());
  }

  private String kernel() {
    return "%s (%s) on %s  %s (%s)  %s  kernel threads per worker: %d  transport %s"
        .formatted(
            plan.backend(),
            job.backend(),
            plan.device(),
            plan.dtype(),
            job.train().dtype(),
            plan.instructionSet(),
            plan.kernelThreads(),
            plan.transport());
  }

  /** A line per rank: its place, what it holds, and what one layer's attention is to it. */
  private List<String> ranks() {
    List<String> lines = new ArrayList<>();
    lines.add("      place in the mesh         holds             attention of one layer");
    lines.add(
        COLUMNS.formatted(
            "rank", "data", "ring", "ulysses", "expert", "tokens", "experts", "heads", "kv",
            "pairs", "steps", "sends", "bytes"));
    for (int rank = 0; rank < mesh.workers(); rank++) {
      lines.add(rank(rank));
    }
    return lines;
  }

  private String rank(int rank) {
    int ring = mesh.ringRank(rank);
    HeadSplit.Part part = heads.parts().get(mesh.ulyssesRank(rank));
    MessageBytes bytes =
        new MessageBytes(
            part.queryHeads(),
            part.kvHeads(),
            job.model().headDim(),
            plan.dtype().equals("bf16") ? Short.BYTES : Float.BYTES);
    long tokens = 0;
    long pairs = 0;
    long steps = 0;
    long messages = 0;
    long sent = 0;
    for (int row = mesh.dataRank(rank); row < rows.size(); row += mesh.dataParallel()) {
      Attention attention = rows.get(row);
      tokens += attention.layout.tokens(ring, mesh.ulyssesRank(rank));
      pairs += attention.balance.pairs().get(ring);
      for (Program program :
          List.of(
              attention.schedule.forward().get(ring), attention.schedule.backward().get(ring))) {
        steps += program.steps().size();
        sent += bytes.sent(program);
        messages += program.steps().stream().mapToInt(step -> step.sends().size()).sum();
      }
    }
    return COLUMNS.formatted(
        rank,
        mesh.dataRank(rank),
        ring,
        mesh.ulyssesRank(rank),
        mesh.expertRank(rank),
        String.format(Locale.ROOT, "%,d", tokens),
        experts(mesh.expertRank(rank)),
        range(part.firstQueryHead(), part.queryHeads()),
        range(part.firstKvHead(), part.kvHeads()),
        Units.count(pairs),
        steps,
        messages,
        Units.bytes(sent));
  }

  private String experts(int expertRank) {
    return range(plan.experts().first(expertRank), plan.experts().count(expertRank));
  }

  private static String range(int first, int count) {
    return count == 0 ? "-" : count == 1 ? "" + first : first + "-" + (first + count - 1);
  }

  private String evenness() {
    long tokens = 0;
    long pairs = 0;
    for (Attention row : rows) {
      tokens = Math.max(tokens, row.balance.tokensOverMean());
      pairs = Math.max(pairs, row.balance.pairsOverMean());
    }
    return String.format(
        Locale.ROOT,
        "the fullest ring rank is over its row's mean by %.1f %% in tokens, %.1f %% in pairs",
        tokens / 10.0,
        pairs / 10.0);
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
    long room = m.workspace() - m.activations() - m.expertRows() - m.scratch();
    return ("%s of %s per worker: weights %s, gradients %s, optimizer %s,"
            + "%n       activations %s, expert rows %s, scratch %s, room %s")
        .formatted(
            Units.bytes(m.total()),
            Units.bytes(workerMemoryBytes),
            Units.bytes(m.weights()),
            Units.bytes(m.gradients()),
            Units.bytes(m.optimizer()),
            Units.bytes(m.activations()),
            Units.bytes(m.expertRows()),
            Units.bytes(m.scratch()),
            Units.bytes(room));
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
    for (Attention row : rows) {
      documents += row.layout.documents().count();
    }
    return ("every visible pair of %s with %s is computed exactly once, every send is received,"
            + "%n       nothing waits in a circle: forward and backward")
        .formatted(
            rows.size() == 1 ? "1 row" : rows.size() + " rows",
            documents == 1 ? "1 document" : documents + " documents");
  }
}
