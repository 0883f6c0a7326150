package dev.gyre.trainer.worker;

import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.trainer.checkpoint.RunIdentity;
import java.util.Map;
import java.util.StringJoiner;

/**
 * The execution environment: what may differ between a run and its resume, which then is not
 * bit-identical.
 */
final class ExecutionEnvironment {
  private ExecutionEnvironment() {}

  static Map<String, String> of(Plan plan) {
    return Map.of(
        "mesh",
        plan.mesh().toString(),
        "backend",
        plan.backend(),
        "device",
        plan.device(),
        "instruction set",
        plan.instructionSet(),
        "kernel threads",
        Integer.toString(plan.kernelThreads()),
        "schedule",
        "%s on %s, chunks of at least %d tokens"
            .formatted(schedules(plan), plan.layout().key(), plan.minChunk()),
        RunIdentity.ROWS,
        Integer.toString(plan.rowsPerMicroStep()),
        "expert rows a round",
        Long.toString(plan.expertRowsBound()),
        "tiles",
        "MLP %d, loss %d (0: whole)"
            .formatted(plan.activations().mlpTile(), plan.activations().lossTile()),
        "jdk",
        Runtime.version().toString());
  }

  /** If rows choose their schedule, the rates they choose by are part of the environment, too. */
  private static String schedules(Plan plan) {
    StringJoiner all = new StringJoiner(", ");
    for (ScheduleChoice choice : plan.schedules()) {
      all.add(choice.layers().key() + " " + String.join(" or ", choice.candidates()));
    }
    return plan.schedules().stream().anyMatch(ScheduleChoice::rowsChoose)
        ? "%s by %s".formatted(all, plan.rates())
        : all.toString();
  }
}
