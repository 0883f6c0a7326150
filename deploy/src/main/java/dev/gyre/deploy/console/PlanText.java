package dev.gyre.deploy.console;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSize;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.RopeScaling;
import dev.gyre.partitioning.model.Rotation;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.ExpertPlacement;
import dev.gyre.partitioning.plan.MemoryEstimate;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.partitioning.plan.StepCost;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import dev.gyre.partitioning.schedule.RingSchedule;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** Short descriptions of a model and a plan. */
public final class PlanText {
  private PlanText() {}

  public static String model(ModelSpec model) {
    ModelSize size = ModelSize.of(model);
    String experts =
        size.experts() == 0
            ? "dense"
            : Units.of(size.experts(), "expert") + " top-" + model.expertsPerToken();
    String ropes =
        model.rotations().stream()
            .map(Rotation::rope)
            .filter(rope -> !(rope.scaling() instanceof RopeScaling.None))
            .map(rope -> ", rope " + rope.describe())
            .distinct()
            .collect(Collectors.joining());
    return "%s parameters, %s active   %s, d %d, %s%s"
        .formatted(
            Units.count(size.total()),
            Units.count(size.active()),
            Units.of(model.depth(), "layer"),
            model.width(),
            experts,
            ropes);
  }

  /**
   * A value, marked as auto if the plan chose it.
   *
   * @param also text after the word auto, in the same brackets
   */
  public static String chosen(String value, String asked, String also) {
    return asked.equals("auto") ? value + " (auto" + also + ")" : value;
  }

  /** Hosts with their workers, equal ones together. */
  public static String hosts(List<WorkerCapabilities.Host> hosts) {
    List<String> kinds = new ArrayList<>();
    int first = 0;
    for (int i = 1; i <= hosts.size(); i++) {
      WorkerCapabilities.Host host = hosts.get(first);
      if (i == hosts.size() || !hosts.get(i).equals(host)) {
        kinds.add(
            "%s of %s and %s with %s"
                .formatted(
                    Units.of((long) i - first, "host"),
                    Units.of(host.cores(), "core"),
                    Units.bytes(host.memoryBytes()),
                    i - first == 1
                        ? Units.of(host.ranks(), "worker")
                        : Units.of(host.ranks(), "worker") + " each"));
        first = i;
      }
    }
    return String.join("; ", kinds);
  }

  /** Mesh, placement and memory. */
  public static String shape(Plan plan) {
    String recompute = plan.activations().describe();
    return "%s, %s; at most %s per worker: %s of tensors, %s for the JVM%s"
        .formatted(
            mesh(plan),
            experts(plan),
            Units.bytes(plan.memory().total()),
            Units.bytes(plan.memory().total() - MemoryEstimate.PROCESS),
            Units.bytes(MemoryEstimate.PROCESS),
            recompute.equals(ActivationPlan.NONE) ? "" : "; recompute " + recompute);
  }

  private static String mesh(Plan plan) {
    Mesh mesh = plan.mesh();
    List<String> parts = new ArrayList<>();
    for (Axis axis : Mesh.ORDERS.getFirst()) {
      if (mesh.degree(axis) > 1) {
        String how = axis == Axis.RING ? " (" + schedule(plan) + plan.layout().key() + ")" : "";
        parts.add(axis.key() + " " + mesh.degree(axis) + how);
      }
    }
    return parts.isEmpty() ? "one worker" : String.join(" × ", parts);
  }

  /** The schedule of the longest rows; empty if it is the ring schedule. */
  private static String schedule(Plan plan) {
    String all = schedules(plan);
    return all.equals(RingSchedule.KEY) ? "" : all + ", ";
  }

  /** The schedule of the longest rows: one name, or one for each kind of layers. */
  static String schedules(Plan plan) {
    Set<String> chosen = new LinkedHashSet<>();
    List<String> named = new ArrayList<>();
    for (ScheduleChoice choice : plan.schedules()) {
      chosen.add(choice.chosen());
      named.add(choice.layers().key() + " " + choice.chosen());
    }
    return String.join(", ", chosen.size() == 1 ? chosen : named);
  }

  private static String experts(Plan plan) {
    ExpertPlacement placement = plan.experts();
    if (placement.experts() == 0) {
      return "no experts";
    }
    if (placement.expertParallel() == 1 && plan.mesh().workers() > 1) {
      return placement.experts() == 1
          ? "the expert on each"
          : "all %d experts on each".formatted(placement.experts());
    }
    List<String> counts = new ArrayList<>();
    for (int rank = 0; rank < placement.expertParallel(); rank++) {
      counts.add(Integer.toString(placement.count(rank)));
    }
    return "experts " + String.join("+", counts);
  }

  /** Traffic and predicted time. */
  public static String traffic(Plan plan, JobSpec job) {
    StepCost cost = plan.cost();
    List<String> parts = new ArrayList<>();
    add(parts, "ring", cost.ringBytes());
    add(parts, "ulysses", cost.ulyssesBytes());
    add(parts, "states", cost.stateBytes());
    add(parts, "moves", cost.moveBytes());
    add(parts, "experts", cost.expertBytes());
    add(parts, "gradients", cost.gradientBytes());
    add(parts, "weights", cost.parameterBytes());
    String sends =
        parts.isEmpty()
            ? "nothing to send"
            : "sends per step and worker: " + String.join(", ", parts);
    if (plan.stepMicros() == 0) {
      return sends;
    }
    double seconds = plan.stepMicros() / 1e6;
    return sends
        + String.format(
            Locale.ROOT,
            "; expect %s a step, %s",
            Units.seconds(seconds),
            Units.seconds(seconds * job.train().steps()));
  }

  private static void add(List<String> parts, String name, long bytes) {
    if (bytes > 0) {
      parts.add(name + " " + Units.bytes(bytes));
    }
  }
}
