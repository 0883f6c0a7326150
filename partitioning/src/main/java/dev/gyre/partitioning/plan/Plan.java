package dev.gyre.partitioning.plan;

import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Every decision of how a job runs, frozen. Ranks that hold equal plans make equal choices for
 * every batch; they compare {@link #sha256} to verify it.
 *
 * @param formatVersion {@link #FORMAT_VERSION} of the code that wrote it
 * @param layout token layout of rows over the ring
 * @param layouts predicted times of the candidate layouts; empty if there was no choice
 * @param minChunk fewest tokens of a zigzag chunk
 * @param rowsPerMicroStep most rows that a data rank trains on at once
 * @param schedules attention schedules of each kind of layer
 * @param backend name of the compute backend
 * @param device where it computes, {@code cpu} or {@code cuda:N}
 * @param dtype compute dtype, {@code bf16} or {@code f32}
 * @param transport {@code ipc} or {@code udp}
 * @param transportReason why it is not another; empty if the job names it
 * @param instructionSet instruction set that the bits of the backend's results depend on
 * @param kernelThreads threads of a worker's kernels
 * @param expertParallelForecasts predictions for the candidate expert-parallel degrees; empty if
 *     there was no choice
 * @param expertRowsBound most rows a rank receives in one round of dispatch
 * @param activations activation recomputation and offload
 * @param workspaceBytes size of a rank's workspace
 * @param rates measured rates that the decisions are based on
 * @param cost predicted FLOPs and bytes of a step and rank
 * @param memory predicted bytes of the fullest rank
 * @param stepMicros predicted duration of a step; 0 if a rate is unknown
 */
public record Plan(
    int formatVersion,
    Mesh mesh,
    LayoutKind layout,
    List<LayoutForecast> layouts,
    int minChunk,
    int rowsPerMicroStep,
    List<ScheduleChoice> schedules,
    String backend,
    String device,
    String dtype,
    String transport,
    String transportReason,
    String instructionSet,
    int kernelThreads,
    ExpertPlacement experts,
    List<ExpertParallelForecast> expertParallelForecasts,
    long expertRowsBound,
    ActivationPlan activations,
    long workspaceBytes,
    Rates rates,
    StepCost cost,
    MemoryEstimate memory,
    long stepMicros) {

  /** More than any kernel or checkpoint write of a common job takes. */
  private static final long LEAST_STALL_TIMEOUT_NANOS = 120_000_000_000L;

  private static final NumberRange KERNEL_THREADS = NumberRange.whole(1, 4096);
  private static final NumberRange ROWS = NumberRange.whole(1, RowsChoice.MOST);

  /** Incremented when the fields or their meaning change. */
  public static final int FORMAT_VERSION = 8;

  /** From it on, JSON is read as {@link #FORMAT_VERSION}: some fields had other names, or none. */
  public static final int OLDEST_READ = 6;

  public Plan {
    layouts = List.copyOf(layouts);
    schedules = List.copyOf(schedules);
    expertParallelForecasts = List.copyOf(expertParallelForecasts);
    if (formatVersion != FORMAT_VERSION) {
      throw new InvalidPlanException(
          "the plan has format %d, this build reads %d; plan the job again"
              .formatted(formatVersion, FORMAT_VERSION));
    }
    if (!dtype.equals("bf16") && !dtype.equals("f32")) {
      throw new InvalidPlanException("dtype '" + dtype + "' of the plan must be bf16 or f32");
    }
    TrainSpec.SEQUENCE_LENGTH.require("minChunk", minChunk);
    ROWS.require("rowsPerMicroStep", rowsPerMicroStep);
    KERNEL_THREADS.require("kernelThreads", kernelThreads);
    NumberRange.whole(1, Integer.MAX_VALUE).require("expertRowsBound", expertRowsBound);
    NumberRange.wholeAtLeast(0).require("workspaceBytes", workspaceBytes);
    NumberRange.wholeAtLeast(0).require("stepMicros", stepMicros);
    if (experts.expertParallel() != mesh.expertParallel()) {
      throw new InvalidPlanException(
          "experts are placed over %d ranks in a mesh with expert-parallel %d"
              .formatted(experts.expertParallel(), mesh.expertParallel()));
    }
  }

  /** The token layout of one row. */
  public SequenceLayout layoutOf(Documents documents) {
    return Layouts.of(layout, documents, mesh.ring(), mesh.ulysses(), minChunk);
  }

  /** The attention schedule of each kind of layer. */
  public Map<LayerKind, ScheduleKind> scheduleKinds(ModelSpec model) {
    RowSchedules all = new RowSchedules(model, mesh, dtype, transport, rates);
    Map<LayerKind, ScheduleKind> kinds = new LinkedHashMap<>();
    candidates().forEach((layers, keys) -> kinds.put(layers, all.kind(keys)));
    return kinds;
  }

  /** The candidate schedules of each kind of layer. */
  Map<LayerKind, List<String>> candidates() {
    Map<LayerKind, List<String>> candidates = new LinkedHashMap<>();
    schedules.forEach(choice -> candidates.put(choice.layers(), choice.candidates()));
    return candidates;
  }

  /** The same plan with predictions for the candidate expert-parallel degrees. */
  Plan withExpertForecasts(List<ExpertParallelForecast> forecasts) {
    return Records.with(this, Map.of("expertParallelForecasts", forecasts));
  }

  /**
   * What was decided for the keys of a job that are compared with a plan, by the path of the key or
   * by its name, as text of the job file. See {@link dev.gyre.partitioning.job.Key#open}.
   */
  public Map<String, String> decisions() {
    Map<String, String> decisions = new LinkedHashMap<>();
    decisions.put("mesh.workers", Integer.toString(mesh.workers()));
    mesh.degrees()
        .forEach((axis, degree) -> decisions.put("mesh." + axis.key(), Integer.toString(degree)));
    decisions.put("mesh.kernel-threads", Integer.toString(kernelThreads));
    decisions.put("layout", layout.key());
    decisions.put("backend", backend);
    decisions.put("device", device);
    decisions.put("dtype", dtype);
    decisions.put("transport", transport);
    decisions.put("recompute", activations.recompute());
    decisions.put("offload", Boolean.toString(activations.offload()));
    return decisions;
  }

  /** Every field as text, in canonical order. */
  public Map<String, String> fields() {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("format", formatVersion);
    fields.put(
        "mesh.order",
        Mesh.ORDERS.getFirst().stream().map(Axis::toString).collect(Collectors.joining(",")));
    mesh.degrees().forEach((axis, degree) -> fields.put("mesh." + axis.key(), degree));
    fields.put("layout", layout.key());
    for (LayoutForecast f : layouts) {
      fields.put("layout." + f.layout().key() + ".micros", f.micros());
    }
    fields.put("min-chunk", minChunk);
    fields.put("rows-per-micro-step", rowsPerMicroStep);
    for (ScheduleChoice choice : schedules) {
      String key = "schedule." + choice.layers().key();
      fields.put(key, choice.chosen());
      for (ScheduleForecast f : choice.forecasts()) {
        fields.put(key + "." + f.schedule() + ".micros", f.micros());
        fields.put(key + "." + f.schedule() + ".bytes", f.bytes());
      }
    }
    fields.put("backend", backend);
    fields.put("device", device);
    fields.put("dtype", dtype);
    fields.put("transport", transport);
    fields.put("transport.reason", transportReason);
    fields.put("instruction-set", instructionSet);
    fields.put("kernel-threads", kernelThreads);
    fields.put("experts", experts.experts());
    for (ExpertParallelForecast f : expertParallelForecasts) {
      String key = "expert-parallel." + f.expertParallel();
      fields.put(key + ".micros", f.micros());
      fields.put(key + ".memory", f.memoryBytes());
    }
    fields.put("expert-rows-bound", expertRowsBound);
    fields.put("activations.recompute", activations.recompute());
    fields.put("activations.offload", activations.offload());
    fields.put("activations.mlp-tile", activations.mlpTile());
    fields.put("activations.loss-tile", activations.lossTile());
    fields.put("activations.reason", activations.reason());
    fields.put("workspace-bytes", workspaceBytes);
    fields.put("rates.matmul-flops-per-second", rates.matmulFlopsPerSecond());
    fields.put("rates.attention-flops-per-second", rates.attentionFlopsPerSecond());
    fields.put("rates.link-bytes-per-second", rates.linkBytesPerSecond());
    fields.put("cost.linear-flops", cost.linearFlops());
    fields.put("cost.attention-flops", cost.attentionFlops());
    fields.put("cost.ring-bytes", cost.ringBytes());
    fields.put("cost.ulysses-bytes", cost.ulyssesBytes());
    fields.put("cost.state-bytes", cost.stateBytes());
    fields.put("cost.move-bytes", cost.moveBytes());
    fields.put("cost.expert-bytes", cost.expertBytes());
    fields.put("cost.gradient-bytes", cost.gradientBytes());
    fields.put("cost.parameter-bytes", cost.parameterBytes());
    fields.put("memory.weights", memory.weights());
    fields.put("memory.gradients", memory.gradients());
    fields.put("memory.optimizer", memory.optimizer());
    fields.put("memory.activations", memory.activations());
    fields.put("memory.scratch", memory.scratch());
    fields.put("memory.balanced", memory.balanced());
    fields.put("memory.stored", memory.stored());
    fields.put("step-micros", stepMicros);
    Map<String, String> text = new LinkedHashMap<>();
    fields.forEach((key, value) -> text.put(key, value.toString()));
    return text;
  }

  /**
   * The plan's one encoding: {@code key=value} lines in {@link #fields} order, UTF-8, each ended by
   * a newline, with backslash and newline escaped in values. No floating point.
   */
  public byte[] canonicalBytes() {
    StringBuilder lines = new StringBuilder("gyre-plan\n");
    fields()
        .forEach(
            (key, value) -> {
              String escaped = value.replace("\\", "\\\\").replace("\n", "\\n");
              lines.append(key).append('=').append(escaped).append('\n');
            });
    return lines.toString().getBytes(StandardCharsets.UTF_8);
  }

  /** SHA-256 of {@link #canonicalBytes}, lower-case hex. */
  public String sha256() {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(digest.digest(canonicalBytes()));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /** Differences from another plan, one line {@code key: this → other} each; empty if equal. */
  public List<String> differences(Plan other) {
    Map<String, String> theirs = other.fields();
    List<String> differences = new ArrayList<>();
    fields()
        .forEach(
            (key, value) -> {
              String their = theirs.get(key);
              if (!value.equals(their)) {
                differences.add(key + ": " + value + " → " + their);
              }
            });
    return differences;
  }

  /**
   * How long a rank may wait for a healthy peer. A kernel over a long row may take most of a step,
   * and a step twice the predicted time. At least two minutes.
   */
  public long stallTimeoutNanos() {
    return Math.max(LEAST_STALL_TIMEOUT_NANOS, 2000 * Math.min(stepMicros, Long.MAX_VALUE / 2000));
  }
}
