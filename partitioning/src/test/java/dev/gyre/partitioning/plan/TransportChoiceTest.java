package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.mesh.Mesh;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A run's transport can connect all its ranks; if the job leaves it open, it is the first such. */
class TransportChoiceTest {
  private static final List<WorkerCapabilities.Transport> BOTH = List.of(Jobs.IPC, Jobs.UDP);

  private static Mesh ring(int ranks) {
    return new Mesh(1, ranks, 1, 1);
  }

  private static void assertChosen(String name, String reason, int ranks, int hosts) {
    assertEquals(
        new TransportChoice(name, reason), TransportChoice.of("auto", ring(ranks), hosts, BOTH));
  }

  private static void assertRefused(
      String message,
      String asked,
      Mesh mesh,
      int hosts,
      List<WorkerCapabilities.Transport> offers) {
    Invalid refusal =
        assertThrows(Invalid.class, () -> TransportChoice.of(asked, mesh, hosts, offers));
    assertEquals("transport: " + message, refusal.getMessage());
  }

  @Test
  void theFirstThatCanIsTaken() {
    assertChosen("ipc", "the first in order of preference", 1, 1);
    assertChosen("ipc", "the first in order of preference", 256, 1);
    assertChosen("udp", "ipc connects at most 256 ranks", 257, 1);
    assertChosen("udp", "ipc connects the ranks of one host only", 2, 2);
    assertChosen("udp", "ipc connects the ranks of one host only", 1024, 1024);
    assertEquals(
        "udp",
        TransportChoice.of("auto", ring(2), 1, List.of(Jobs.UDP, Jobs.IPC)).name(),
        "the order is the preference");
  }

  @Test
  void aNamedOneIsTakenWithoutAReason() {
    assertEquals(new TransportChoice("ipc", ""), TransportChoice.of("ipc", ring(256), 1, BOTH));
    assertEquals(new TransportChoice("udp", ""), TransportChoice.of("udp", ring(2), 1, BOTH));
  }

  /** Every pair of ranks is connected, so the degrees count together. */
  @Test
  void aNamedOneThatCannotNamesTheWayOut() {
    assertRefused(
        "ipc connects at most 256 ranks, but data-parallel 2 × ring 150 × ulysses 1 is 300 ranks."
            + " Use transport udp, or at most 256 workers.",
        "ipc",
        new Mesh(2, 150, 1, 1),
        1,
        BOTH);
    assertRefused(
        "udp connects at most 1,024 ranks, but data-parallel 1 × ring 1025 × ulysses 1 is 1,025"
            + " ranks. Use at most 1,024 workers.",
        "udp",
        ring(1025),
        1,
        BOTH);
    assertRefused(
        "ipc connects the ranks of one host only, but data-parallel 1 × ring 8 × ulysses 1 is 8"
            + " ranks on 4 hosts. Use transport udp, or workers of one host.",
        "ipc",
        ring(8),
        4,
        BOTH);
    assertRefused("'grpc' is not known here; there is ipc, udp", "grpc", ring(2), 1, BOTH);
  }

  @Test
  void whereNoneCanAllLimitsAreNamed() {
    assertRefused(
        "auto: ipc connects at most 256 ranks, udp connects at most 1,024 ranks, but data-parallel"
            + " 1 × ring 2000 × ulysses 1 is 2,000 ranks. Use at most 1,024 workers.",
        "auto",
        ring(2000),
        1,
        BOTH);
    assertRefused(
        "auto: ipc connects the ranks of one host only, but data-parallel 1 × ring 8 × ulysses 1"
            + " is 8 ranks on 8 hosts. Use workers of one host.",
        "auto",
        ring(8),
        8,
        List.of(Jobs.IPC));
  }

  @Test
  void thePlanHasTheChoiceAndTheReason() {
    JobSpec job = Jobs.job(MeshSpec.of(4, 0, 0, 0, 0));
    WorkerCapabilities one = Jobs.workers(Jobs.ONEDNN);
    Plan plan = Jobs.PLANNER.plan(job, one);
    assertEquals("ipc", plan.transport());
    assertEquals("the first in order of preference", plan.transportReason());
    Plan named = Jobs.PLANNER.plan(job.with("transport", "udp"), one);
    assertEquals("udp", named.transport());
    assertEquals("", named.transportReason());
    WorkerCapabilities.Host alone = new WorkerCapabilities.Host(4, 24L << 30, 1, Jobs.RATES);
    WorkerCapabilities each = Jobs.on(one.backends(), alone, alone, alone, alone);
    Plan apart = Jobs.PLANNER.plan(job, each);
    assertEquals("udp", apart.transport());
    assertEquals("ipc connects the ranks of one host only", apart.transportReason());
    assertEquals(named.rates(), apart.rates(), "predicted for the transport that is taken");
  }
}
