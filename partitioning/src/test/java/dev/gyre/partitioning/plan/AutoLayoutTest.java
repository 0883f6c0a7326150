package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Which layout {@code auto} chooses, with made-up rates. */
final class AutoLayoutTest {
  private static final long GFLOPS = 1_000_000_000L;
  private static final long GB = 1_000_000_000L;
  private static final Rates COMMON = new Rates(400 * GFLOPS, 100 * GFLOPS, 5 * GB);
  private static final LayerKind FULL = LayerKind.FULL;
  private static final LayerKind LINEAR = LayerKind.LINEAR;
  private static final LayerKind SLIDING = LayerKind.SLIDING;

  /** h 256, 4 layers, 8 query heads over 4 key/value heads of 32. */
  private static JobSpec job(int ring, String schedule, String layout, LayerKind... kinds) {
    boolean windows = List.of(kinds).contains(SLIDING);
    ModelSpec model =
        Jobs.decoder().attention(new AttentionPattern(List.of(kinds), windows ? 512 : 0)).spec();
    MeshSpec mesh =
        MeshSpec.of(0, 1, ring, 1, 0)
            .with(Map.of("schedule", ScheduleSpec.parse(schedule), "layout", layout));
    return Jobs.job(model, Jobs.train(8192, 8192, "bf16"), mesh, "auto");
  }

  private static LayerKind[] all(LayerKind kind) {
    return Collections.nCopies(4, kind).toArray(LayerKind[]::new);
  }

  private static Plan plan(JobSpec job, Rates rates) {
    return Jobs.PLANNER.plan(job, Jobs.workers(Jobs.ONEDNN).with(rates));
  }

  @Test
  void windowsLieInRankOrderAndTrianglesInZigzag() {
    Plan full = plan(job(4, "auto", "auto", all(FULL)), COMMON);
    assertEquals(LayoutKind.ZIGZAG, full.layout());
    assertReason(full);
    Plan windows = plan(job(4, "auto", "auto", all(SLIDING)), COMMON);
    assertEquals(LayoutKind.CONTIGUOUS, windows.layout());
    assertReason(windows);
    Plan mostlyFull = plan(job(4, "auto", "auto", FULL, SLIDING, FULL, SLIDING), COMMON);
    assertEquals(LayoutKind.ZIGZAG, mostlyFull.layout());
  }

  /** The chosen layout is contiguous if its predicted time is clearly lower, else zigzag. */
  private static void assertReason(Plan plan) {
    List<LayoutForecast> forecasts = plan.layouts();
    assertEquals(
        List.of(LayoutKind.ZIGZAG, LayoutKind.CONTIGUOUS),
        forecasts.stream().map(LayoutForecast::layout).toList());
    long zigzag = forecasts.getFirst().micros();
    long contiguous = forecasts.getLast().micros();
    assertTrue(zigzag > 0 && contiguous > 0, forecasts::toString);
    boolean faster = contiguous < AutoSchedule.clearlyFaster(zigzag);
    assertEquals(faster ? LayoutKind.CONTIGUOUS : LayoutKind.ZIGZAG, plan.layout());
    assertEquals("" + zigzag, plan.fields().get("layout.zigzag.micros"));
  }

  /** Zigzag balances the full-attention layer, but has to move tokens in the three others. */
  @Test
  void overASlowLinkLinearLayersStayWhereTheyAre() {
    JobSpec job = job(4, "auto", "auto", LINEAR, LINEAR, FULL, LINEAR);
    Plan fast = plan(job, new Rates(400 * GFLOPS, 100 * GFLOPS, 100 * GB));
    assertEquals(LayoutKind.ZIGZAG, fast.layout());
    assertReason(fast);
    Plan slow = plan(job, new Rates(400 * GFLOPS, 100 * GFLOPS, GB / 5));
    assertEquals(LayoutKind.CONTIGUOUS, slow.layout());
    assertReason(slow);
    // With slow kernels the imbalance of the causal triangle decides again.
    Plan slowBoth = plan(job, new Rates(400 * GFLOPS, GFLOPS, GB / 5));
    assertEquals(LayoutKind.ZIGZAG, slowBoth.layout());
  }

  @Test
  void whatIsNamedOrUnknownIsNotChosen() {
    for (String named : List.of("zigzag", "striped", "contiguous")) {
      Plan plan = plan(job(4, "auto", named, all(SLIDING)), COMMON);
      assertEquals(LayoutKind.of(named), plan.layout());
      assertEquals(List.of(), plan.layouts());
    }
    Plan balanced = plan(job(4, "balanced", "auto", all(FULL)), COMMON);
    assertEquals(LayoutKind.CONTIGUOUS, balanced.layout());
    assertEquals(List.of(), balanced.layouts());
    Plan unknown = plan(job(4, "auto", "auto", all(SLIDING)), Rates.UNKNOWN);
    assertEquals(LayoutKind.ZIGZAG, unknown.layout());
    assertEquals(List.of(), unknown.layouts());
    assertEquals(List.of(), plan(job(1, "auto", "auto", all(SLIDING)), COMMON).layouts());
  }

  /** If a named schedule works in any order, the layout is still chosen. */
  @Test
  void aNamedScheduleIsPredictedInBoth() {
    Plan windows = plan(job(4, "ring", "auto", all(SLIDING)), COMMON);
    assertEquals(LayoutKind.CONTIGUOUS, windows.layout());
    assertEquals(LayoutKind.ZIGZAG, plan(job(4, "ring", "auto", all(FULL)), COMMON).layout());
  }

  /** If only the schedule with the least memory fits, the layout is chosen for that schedule. */
  @Test
  void theChoiceIsMadeAmongWhatFits() {
    JobSpec job = job(8, "auto", "auto", FULL, SLIDING, SLIDING, FULL);
    WorkerCapabilities roomy = Jobs.workers(Jobs.ONEDNN).with(COMMON);
    Plan all = Jobs.PLANNER.plan(job, roomy);
    WorkerCapabilities tight = Jobs.withMemory(roomy, 8 * (all.memory().total() - 1));
    Plan fits = Jobs.PLANNER.plan(job, tight);
    assertEquals(List.of("ring"), fits.schedules().getFirst().candidates());
    Plan ring = Jobs.PLANNER.plan(job(8, "ring", "auto", FULL, SLIDING, SLIDING, FULL), roomy);
    assertEquals(ring.layouts(), fits.layouts());
    assertNotEquals(all.layouts(), fits.layouts());
    assertEquals(ring.layout(), fits.layout());
  }

  /** With equal rates every rank, and a resumed run, chooses the same layout. */
  @Test
  void theLayoutFollowsFromTheRatesAlone() {
    JobSpec job = job(4, "auto", "auto", LINEAR, SLIDING, FULL, LINEAR);
    Plan first = plan(job, COMMON);
    assertEquals(first.sha256(), plan(job, first.rates()).sha256());
  }
}
