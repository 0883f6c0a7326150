package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.Records;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class PlanTest {
  private static Plan plan(String instructionSet, int threads) {
    return plan(instructionSet, threads, 17);
  }

  private static Plan plan(String instructionSet, int threads, long stepMicros) {
    return new Plan(
        Plan.FORMAT_VERSION,
        new Mesh(1, 2, 1, 2),
        LayoutKind.ZIGZAG,
        List.of(
            new LayoutForecast(LayoutKind.ZIGZAG, 22),
            new LayoutForecast(LayoutKind.CONTIGUOUS, 23)),
        64,
        2,
        List.of(
            new ScheduleChoice(
                LayerKind.FULL,
                "allgather",
                List.of(
                    new ScheduleForecast("ring", 18, 19),
                    new ScheduleForecast("allgather", 17, 20)))),
        "onednn",
        "cpu",
        "bf16",
        "ipc",
        "preferred",
        instructionSet,
        threads,
        new ExpertPlacement(8, 2),
        List.of(new ExpertParallelForecast(1, 24, 25), new ExpertParallelForecast(2, 17, 26)),
        16384,
        new ActivationPlan("all", true, 2048, 1024, "asked for"),
        1000,
        new Rates(1, 2, 3),
        new StepCost(4, 5, 6, 7, 20, 21, 8, 9, 10),
        new MemoryEstimate(11, 12, 13, 14, 16, 18, 19),
        stepMicros);
  }

  /** The bytes are a format: other builds hash them too. A change needs a new format version. */
  @Test
  void canonicalBytesAreFixed() {
    String text = new String(plan("AMX", 1).canonicalBytes(), StandardCharsets.UTF_8);
    assertEquals(
        """
        gyre-plan
        format=8
        mesh.order=data,ring,ulysses
        mesh.data-parallel=1
        mesh.ring=2
        mesh.ulysses=1
        mesh.expert-parallel=2
        layout=zigzag
        layout.zigzag.micros=22
        layout.contiguous.micros=23
        min-chunk=64
        rows-per-micro-step=2
        schedule.full_attention=allgather
        schedule.full_attention.ring.micros=18
        schedule.full_attention.ring.bytes=19
        schedule.full_attention.allgather.micros=17
        schedule.full_attention.allgather.bytes=20
        backend=onednn
        device=cpu
        dtype=bf16
        transport=ipc
        transport.reason=preferred
        instruction-set=AMX
        kernel-threads=1
        experts=8
        expert-parallel.1.micros=24
        expert-parallel.1.memory=25
        expert-parallel.2.micros=17
        expert-parallel.2.memory=26
        expert-rows-bound=16384
        activations.recompute=all
        activations.offload=true
        activations.mlp-tile=2048
        activations.loss-tile=1024
        activations.reason=asked for
        workspace-bytes=1000
        rates.matmul-flops-per-second=1
        rates.attention-flops-per-second=2
        rates.link-bytes-per-second=3
        cost.linear-flops=4
        cost.attention-flops=5
        cost.ring-bytes=6
        cost.ulysses-bytes=7
        cost.state-bytes=20
        cost.move-bytes=21
        cost.expert-bytes=8
        cost.gradient-bytes=9
        cost.parameter-bytes=10
        memory.weights=11
        memory.gradients=12
        memory.optimizer=13
        memory.activations=14
        memory.scratch=16
        memory.balanced=18
        memory.stored=19
        step-micros=17
        """,
        text);
    assertEquals(
        "e73df8a7637a3a9880918106b5c312684fd03463f15dd361d29f0fbf32443279",
        plan("AMX", 1).sha256());
  }

  @Test
  void noTwoPlansShareAnEncoding() {
    Set<String> hashes = new HashSet<>();
    for (String set : List.of("A", "A\nkernel-threads=2", "A\\nkernel-threads=2", "A\\", "")) {
      for (int threads = 1; threads <= 2; threads++) {
        hashes.add(plan(set, threads).sha256());
      }
    }
    assertEquals(10, hashes.size());
  }

  @Test
  void equalJobsGiveEqualPlansAndDifferencesAreListed() {
    WorkerCapabilities workers = Jobs.workers(Jobs.ONEDNN);
    Plan two = Jobs.PLANNER.plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 2)), workers);
    assertEquals(two, Jobs.PLANNER.plan(Jobs.job(MeshSpec.of(2, 0, 0, 0, 2)), workers));
    assertEquals(List.of(), two.differences(two));
    Plan four = Jobs.PLANNER.plan(Jobs.job(MeshSpec.of(4, 0, 0, 0, 4)), workers);
    assertNotEquals(two.sha256(), four.sha256());
    List<String> differences = two.differences(four);
    assertEquals("mesh.ring: 2 → 4", differences.get(0));
    assertEquals("mesh.expert-parallel: 2 → 4", differences.get(1));
  }

  /** If a component is not encoded, ranks with unequal plans could train together. */
  @Test
  void everyComponentIsEncoded() {
    int leaves = Axis.KEYED.size();
    for (Class<?> type :
        List.of(
            Plan.class,
            ExpertPlacement.class,
            ActivationPlan.class,
            Rates.class,
            StepCost.class,
            MemoryEstimate.class)) {
      for (var component : type.getRecordComponents()) {
        leaves += component.getType().isRecord() ? 0 : 1; // of the mesh, its axes
      }
    }
    // Fields beyond the components: the mesh's order, and expert-parallel, which is in both mesh
    // and placement. The schedules are one component, here a choice with two forecasts of two
    // numbers; the layouts are one, here two; so are the forecasts for experts, each with two
    // numbers.
    assertEquals(leaves + 8, plan("AMX", 1).fields().size());
  }

  @Test
  void whatAPlanCannotBeIsRefused() {
    Plan good = plan("AMX", 1);
    Invalid threads = assertThrows(Invalid.class, () -> plan("AMX", 0));
    assertEquals("kernelThreads: 0 must be from 1 to 4,096", threads.getMessage());
    Invalid ranks = assertThrows(Invalid.class, () -> new ExpertPlacement(2, 3));
    assertEquals("expertParallel: 3 must be from 1 to 2", ranks.getMessage());
    assertThrows(Invalid.class, () -> new StepCost(0, 0, -1, 0, 0, 0, 0, 0, 0));
    assertThrows(Invalid.class, () -> new MemoryEstimate(0, 0, 0, Long.MAX_VALUE, 0, 0, 0));
    assertThrows(Invalid.class, () -> new Rates(1, -1, 1));
    assertThrows(Invalid.class, () -> new Rates(1, 1, Long.MAX_VALUE));
    assertThrows(Invalid.class, () -> new Mesh(1 << 10, 1 << 10, 1 << 10, 1));
    assertThrows(Invalid.class, () -> new ScheduleForecast("ring", -1, 0));
    assertThrows(
        InvalidPlanException.class,
        () -> new ScheduleChoice(LayerKind.FULL, "ring", List.of(new ScheduleForecast("a", 1, 1))));
    assertThrows(
        InvalidPlanException.class,
        () -> Records.with(good, Map.of("formatVersion", Plan.FORMAT_VERSION + 1)));
  }

  @Test
  void theStallTimeoutGrowsWithTheStep() {
    assertEquals(Duration.ofMinutes(2).toNanos(), plan("AMX", 1, 0).stallTimeoutNanos());
    assertEquals(Duration.ofMinutes(2).toNanos(), plan("AMX", 1, 59_000_000).stallTimeoutNanos());
    long steps = Duration.ofMinutes(35).toNanos() / 1000;
    assertEquals(Duration.ofMinutes(70).toNanos(), plan("AMX", 1, steps).stallTimeoutNanos());
  }
}
