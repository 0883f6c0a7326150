package dev.gyre.trainer.worker;

import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.plan.Plan;
import java.util.Map;

/** What may differ between a run and its resume, and ends bit-identity when it does. */
final class Circumstances {
  private Circumstances() {}

  static Map<String, String> of(Plan plan) {
    Mesh mesh = plan.mesh();
    return Map.of(
        "mesh",
        "data-parallel %d, ring %d, ulysses %d, expert-parallel %d"
            .formatted(mesh.dataParallel(), mesh.ring(), mesh.ulysses(), mesh.expertParallel()),
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
            .formatted(plan.schedule(), plan.layout().key(), plan.minChunk()),
        "expert rows a round",
        Long.toString(plan.expertRowsBound()),
        "jdk",
        Runtime.version().toString());
  }
}
