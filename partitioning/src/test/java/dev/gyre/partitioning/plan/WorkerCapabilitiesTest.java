package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Hosts may differ: a plan is as fast as the slowest worker and fits on every host. */
class WorkerCapabilitiesTest {
  private static final Rates FAST = Jobs.RATES;
  private static final Rates SLOW = new Rates(100_000_000_000L, 50_000_000_000L, 1_000_000_000L);
  private static final JobSpec FOUR = Jobs.job(MeshSpec.of(4, 0, 0, 0, 0));

  private static WorkerCapabilities.Host host(int cores, long gib, int ranks, Rates rates) {
    return new WorkerCapabilities.Host(cores, gib << 30, ranks, rates);
  }

  private static WorkerCapabilities on(WorkerCapabilities.Host... hosts) {
    return Jobs.on(List.of(Jobs.ONEDNN), hosts);
  }

  @Test
  void ranksFillHostsInOrder() {
    WorkerCapabilities hosts = on(host(8, 64, 2, FAST), host(8, 32, 4, SLOW), host(1, 1, 4, SLOW));
    assertEquals(List.of(host(8, 64, 1, FAST)), hosts.hosts(1));
    assertEquals(List.of(host(8, 64, 2, FAST), host(8, 32, 3, SLOW)), hosts.hosts(5));
    assertEquals(List.of(host(4, 24, 7, FAST)), on(host(4, 24, 0, FAST)).hosts(7));
    Invalid refusal = assertThrows(Invalid.class, () -> hosts.hosts(11));
    assertTrue(refusal.getMessage().contains("3 hosts with 10 ranks in all"), refusal.getMessage());
  }

  @Test
  void theStepTakesAsLongAsOnTheSlowest() {
    long mixed =
        Jobs.PLANNER.plan(FOUR, on(host(8, 64, 2, FAST), host(8, 64, 2, SLOW))).stepMicros();
    long slow =
        Jobs.PLANNER.plan(FOUR, on(host(8, 64, 2, SLOW), host(8, 64, 2, SLOW))).stepMicros();
    long fast =
        Jobs.PLANNER.plan(FOUR, on(host(8, 64, 2, FAST), host(8, 64, 2, FAST))).stepMicros();
    assertEquals(slow, mixed);
    assertTrue(fast < slow, fast + " and " + slow);
    assertEquals(
        fast,
        Jobs.PLANNER
            .plan(FOUR, on(host(8, 64, 2, FAST), host(8, 64, 2, FAST), host(8, 64, 1, SLOW)))
            .stepMicros(),
        "a host without a worker is not waited for");
  }

  /** The threads are a part of what is computed, so all workers have the same number. */
  @Test
  void threadsAreThoseOfTheSmallestShare() {
    WorkerCapabilities hosts = on(host(8, 64, 2, FAST), host(6, 64, 3, FAST));
    assertEquals(4, hosts.kernelThreads(0, 2));
    assertEquals(2, hosts.kernelThreads(0, 3 + 2));
    assertEquals(2, Jobs.PLANNER.plan(Jobs.job(MeshSpec.of(5, 1, 5, 1, 1)), hosts).kernelThreads());
    assertThrows(Invalid.class, () -> hosts.kernelThreads(7, 5));
    assertEquals(7, hosts.kernelThreads(7, 2));
  }

  @Test
  void everyHostMustHaveRoomForItsRanks() {
    WorkerCapabilities roomy = on(host(8, 64, 2, FAST), host(8, 64, 2, FAST));
    Plan plan = Jobs.PLANNER.plan(FOUR, roomy);
    PlanValidator.requireMemory(plan, roomy);
    long worker = plan.memory().total();
    WorkerCapabilities.Host enough = new WorkerCapabilities.Host(8, 3 * worker, 3, FAST);
    WorkerCapabilities.Host tight = new WorkerCapabilities.Host(8, worker - 1, 1, FAST);
    PlanValidator.requireMemory(plan, on(enough, enough));
    InvalidPlanException refusal =
        assertThrows(
            InvalidPlanException.class, () -> PlanValidator.requireMemory(plan, on(enough, tight)));
    String message = String.valueOf(refusal.getMessage());
    assertTrue(message.contains(" on host 2 of 2, which has "), message);
    assertTrue(message.contains(" for 1: weights "), message);
  }
}
