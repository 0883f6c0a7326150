package dev.gyre.partitioning.plan;

import static java.util.Objects.requireNonNull;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

class AutoScheduleTest {
  private static final long GFLOPS = 1_000_000_000L;
  private static final long GB = 1_000_000_000L;

  /** Two layers of each kind, windows of 512. */
  private static ModelSpec mixed() {
    return model(
        new AttentionPattern(
            List.of(LayerKind.FULL, LayerKind.SLIDING, LayerKind.SLIDING, LayerKind.FULL), 512));
  }

  private static ModelSpec model(AttentionPattern attention) {
    return Jobs.decoder().attention(attention).spec();
  }

  private static JobSpec job(ModelSpec model, int ring, String schedule, String layout) {
    return Jobs.job(
        model,
        Jobs.train(8192, 8192, "bf16"),
        MeshSpec.of(0, 1, ring, 1, 0)
            .with(Map.of("schedule", ScheduleSpec.parse(schedule), "layout", layout)),
        "auto");
  }

  private static Plan plan(ModelSpec model, String schedule, String layout, Rates rates) {
    return Jobs.PLANNER.plan(
        job(model, 4, schedule, layout), Jobs.workers(Jobs.ONEDNN).with(rates));
  }

  private static String chosen(Plan plan, Documents documents, LayerKind layers) {
    AttentionMask mask = requireNonNull(mixed().maskOfKind().get(layers));
    return requireNonNull(plan.scheduleKinds(mixed()).get(layers))
        .schedule(plan.layoutOf(documents), mask)
        .kind();
  }

  @Test
  void theLinkDecides() {
    // Half a millisecond of tiles per hop. Over a fast link the least synchronization is best; over
    // a slow one it is best to send the ring's messages during the tiles of every hop.
    assertEquals("allgather", overANetwork(2000 * GFLOPS, 400 * GB));
    assertEquals("ring", overANetwork(2000 * GFLOPS, 2 * GB));
    // On slow cores the difference is not clear.
    assertEquals("ring", overANetwork(100 * GFLOPS, 400 * GB));
  }

  private static String overANetwork(long attention, long link) {
    RowSchedules schedules =
        new RowSchedules(
            mixed(), new Mesh(1, 8, 1, 1), "bf16", "udp", new Rates(1, attention, link));
    SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, new Documents(8192), 8, 1, 64);
    List<String> candidates = List.of("ring", "allgather", "tokenring");
    return schedules.choice(LayerKind.FULL, candidates, row, ActivationPlan.NONE).chosen();
  }

  @Test
  void everyRowAndKindOfLayerChoosesForItself() {
    Rates rates = new Rates(400 * GFLOPS, 100 * GFLOPS, 5 * GB);
    Plan plan = plan(mixed(), "auto", "contiguous", rates);
    Documents one = new Documents(8192);
    Documents four = new Documents(2048, 2048, 2048, 2048);
    assertEquals("balanced", chosen(plan, one, LayerKind.FULL));
    assertEquals(
        "ring", chosen(plan, four, LayerKind.FULL), "nothing is sent: the first of equals");
    assertEquals(
        "ring",
        chosen(plan, one, LayerKind.SLIDING),
        "only neighbours exchange rows: the first of equals");
  }

  @Test
  void thePlanSaysWhy() {
    Rates rates = new Rates(400 * GFLOPS, 100 * GFLOPS, 5 * GB);
    Plan plan = plan(mixed(), "auto", "contiguous", rates);
    assertEquals(
        List.of(LayerKind.FULL, LayerKind.SLIDING),
        plan.schedules().stream().map(ScheduleChoice::layers).toList());
    for (ScheduleChoice choice : plan.schedules()) {
      assertEquals(ScheduleKind.KEYS, choice.candidates());
      // The choice is not the ring, so it is the fastest.
      long least = choice.forecast().micros();
      for (ScheduleForecast forecast : choice.forecasts()) {
        assertTrue(forecast.micros() > 0 && forecast.micros() >= least, choice::toString);
        assertTrue(forecast.bytes() > 0, choice::toString);
      }
      assertEquals(choice.chosen(), chosen(plan, new Documents(8192), choice.layers()));
    }
  }

  /** Equal plans choose equally: on every rank, and when a run is resumed from its written plan. */
  @Test
  void theChoiceFollowsFromThePlanAlone() {
    Rates rates = new Rates(399 * GFLOPS, 97 * GFLOPS, 5 * GB);
    Plan first = plan(mixed(), "auto", "auto", rates);
    Plan second = plan(mixed(), "auto", "auto", rates);
    assertEquals(first.sha256(), second.sha256());
    for (int length = 64; length < 8192; length *= 2) {
      Documents documents = new Documents(length, 8192 - length);
      for (LayerKind layers : mixed().maskOfKind().keySet()) {
        assertEquals(chosen(first, documents, layers), chosen(second, documents, layers));
      }
    }
  }

  @Test
  void withoutRatesItIsTheRing() {
    Plan plan = plan(mixed(), "auto", "auto", Rates.UNKNOWN);
    assertEquals("ring", chosen(plan, new Documents(8192), LayerKind.FULL));
    assertEquals(0, plan.schedules().getFirst().forecast().micros());
    Plan alone = Jobs.PLANNER.plan(job(mixed(), 1, "auto", "auto"), Jobs.workers(Jobs.ONEDNN));
    assertEquals(List.of("ring"), alone.schedules().getFirst().candidates());
  }

  @Test
  void whatDoesNotFitIsNoCandidate() {
    WorkerCapabilities roomy = Jobs.workers(Jobs.ONEDNN);
    Plan all = Jobs.PLANNER.plan(job(mixed(), 8, "auto", "auto"), roomy);
    Plan ring = Jobs.PLANNER.plan(job(mixed(), 8, "ring", "auto"), roomy);
    assertTrue(all.memory().total() > ring.memory().total());
    WorkerCapabilities tight = Jobs.withMemory(roomy, 8 * (all.memory().total() - 1));
    Plan fits = Jobs.PLANNER.plan(job(mixed(), 8, "auto", "auto"), tight);
    assertEquals(List.of("ring"), fits.schedules().getFirst().candidates());
    assertEquals(ring.memory(), fits.memory());
  }

  /** Recomputing activations takes longer than the fastest schedule saves. */
  @Test
  void noScheduleIsWorthComputingActivationsAgain() {
    WorkerCapabilities roomy = Jobs.workers(Jobs.ONEDNN);
    Plan ring = Jobs.PLANNER.plan(job(mixed(), 8, "ring", "auto"), roomy);
    WorkerCapabilities tight = Jobs.withMemory(roomy, 8 * ring.memory().total());
    Plan fits = Jobs.PLANNER.plan(job(mixed(), 8, "auto", "auto"), tight);
    assertEquals(ring.activations(), fits.activations());
    assertEquals(List.of("ring"), fits.schedules().getFirst().candidates());
  }

  /** The balanced schedule cannot compute queries that see keys of later ranks. */
  @Test
  void onlyWhatComputesTheMaskIsACandidate() {
    ModelSpec prefix = model(new AttentionPattern(List.of(), 0, 0, false, 3000));
    Rates rates = new Rates(400 * GFLOPS, 100 * GFLOPS, 5 * GB);
    Plan plan = plan(prefix, "auto", "contiguous", rates);
    assertEquals(
        List.of("ring", "allgather", "tokenring"), plan.schedules().getFirst().candidates());
    Invalid e =
        Assertions.assertThrows(
            Invalid.class, () -> plan(prefix, "full_attention=balanced", "auto", rates));
    assertTrue(
        e.getMessage().startsWith("mesh.schedule: 'balanced' cannot compute"), e::getMessage);
    // One rank computes any mask; a plan for other masks is no plan for this job.
    Jobs.PLANNER.plan(job(prefix, 1, "balanced", "auto"), Jobs.workers(Jobs.ONEDNN));
    Plan causal = plan(mixed(), "balanced", "auto", rates);
    ModelSpec both =
        model(
            new AttentionPattern(
                List.of(LayerKind.FULL, LayerKind.SLIDING, LayerKind.SLIDING, LayerKind.FULL),
                512,
                0,
                false,
                3000));
    Assertions.assertThrows(
        Invalid.class, () -> Jobs.PLANNER.workspaceBytes(job(both, 4, "auto", "auto"), causal));
  }

  @Test
  void linearLayersHaveNoSchedule() {
    LayerKind linear = LayerKind.LINEAR;
    ModelSpec some =
        model(new AttentionPattern(List.of(linear, LayerKind.FULL, linear, linear), 0));
    Plan plan = plan(some, "auto", "auto", Jobs.RATES);
    assertEquals(
        List.of(LayerKind.FULL), plan.schedules().stream().map(ScheduleChoice::layers).toList());
    ModelSpec all = model(new AttentionPattern(List.of(linear, linear, linear, linear), 0));
    Plan none = plan(all, "auto", "auto", Jobs.RATES);
    assertEquals(List.of(), none.schedules());
    assertEquals(LayoutKind.CONTIGUOUS, none.layout());
    assertEquals(
        none.workspaceBytes(), Jobs.PLANNER.workspaceBytes(job(all, 4, "auto", "auto"), none));
    Invalid e =
        Assertions.assertThrows(Invalid.class, () -> ScheduleSpec.parse("linear_attention=ring"));
    assertTrue(e.getMessage().contains("have no attention schedule"), e::getMessage);
  }

  @Test
  void schedulesByKindOfLayer() {
    Rates rates = Jobs.RATES;
    Plan plan =
        plan(mixed(), "full_attention=tokenring,sliding_attention=allgather", "auto", rates);
    assertEquals("tokenring", chosen(plan, new Documents(8192), LayerKind.FULL));
    assertEquals("allgather", chosen(plan, new Documents(8192), LayerKind.SLIDING));
    assertEquals(LayoutKind.ZIGZAG, plan.layout());
    // All layers share one layout: balanced decides it, because the other schedules work in any.
    Plan balanced = plan(mixed(), "full_attention=balanced", "auto", rates);
    assertEquals(LayoutKind.CONTIGUOUS, balanced.layout());
    assertEquals(ScheduleKind.KEYS, balanced.schedules().get(1).candidates());
    Invalid e =
        Assertions.assertThrows(
            Invalid.class, () -> plan(mixed(), "sliding_attention=balanced", "striped", rates));
    assertEquals(
        "mesh.layout: 'striped' cannot be computed with mesh.schedule balanced, which needs"
            + " contiguous. Use mesh.layout contiguous, or mesh.schedule ring.",
        e.getMessage());
  }

  @Test
  void aSpecIsReadAsItIsWritten() {
    for (String text :
        List.of("auto", "ring", "full_attention=ring,sliding_attention=allgather,auto")) {
      assertEquals(text, ScheduleSpec.parse(text).toString());
    }
    assertEquals(
        new ScheduleSpec("auto", Map.of(LayerKind.SLIDING, "balanced")),
        ScheduleSpec.parse(" sliding_attention = balanced "));
    Invalid kind =
        Assertions.assertThrows(Invalid.class, () -> ScheduleSpec.parse("some_attention=ring"));
    assertTrue(kind.getMessage().startsWith("mesh.schedule: 'some_attention'"), kind::getMessage);
    Invalid key =
        Assertions.assertThrows(Invalid.class, () -> ScheduleSpec.parse("full_attention=star"));
    assertTrue(key.getMessage().startsWith("mesh.schedule: 'star'"), key::getMessage);
  }

  /** For any rates and row: the fastest schedule, or the first if no other is clearly faster. */
  @Test
  void theSoonestIsChosen() {
    Documents one = new Documents(8192);
    Documents many =
        new Documents(Collections.nCopies(256, 32).stream().mapToInt(i -> i).toArray());
    List<String> chosen = new ArrayList<>();
    for (Documents documents : List.of(one, new Documents(5000, 3000, 192), many)) {
      for (long attention : List.of(GFLOPS, 100 * GFLOPS, 4000 * GFLOPS)) {
        for (long link : List.of(GB / 10, 5 * GB, 400 * GB)) {
          for (String transport : List.of("ipc", "udp")) {
            RowSchedules schedules =
                new RowSchedules(
                    mixed(),
                    new Mesh(1, 7, 1, 1),
                    "bf16",
                    transport,
                    new Rates(1, attention, link));
            SequenceLayout row = Layouts.of(LayoutKind.CONTIGUOUS, documents, 7, 1, 64);
            for (LayerKind layers : mixed().maskOfKind().keySet()) {
              ScheduleChoice choice =
                  schedules.choice(layers, ScheduleKind.KEYS, row, ActivationPlan.NONE);
              long first = choice.forecasts().getFirst().micros();
              long least =
                  choice.forecasts().stream()
                      .mapToLong(ScheduleForecast::micros)
                      .min()
                      .orElseThrow();
              boolean clear = least < AutoSchedule.clearlyFaster(first);
              assertEquals(clear ? least : first, choice.forecast().micros(), choice::toString);
              chosen.add(choice.chosen());
            }
          }
        }
      }
    }
    assertTrue(chosen.containsAll(List.of("ring", "allgather", "balanced")), chosen::toString);
  }

  /** Idle ranks help with one long document; with many short ones nothing is sent. */
  @Test
  void manyShortDocumentsNeedNoHelpers() {
    Plan plan = plan(mixed(), "auto", "contiguous", new Rates(1, 100 * GFLOPS, 5 * GB));
    assertEquals("balanced", chosen(plan, new Documents(8192), LayerKind.FULL));
    int[] lengths = new int[256];
    Arrays.fill(lengths, 32);
    assertEquals("ring", chosen(plan, new Documents(lengths), LayerKind.FULL));
  }

  /** The predicted time is that of the last rank to finish; idle ranks add nothing. */
  @Test
  void timeIsThatOfTheLastRank() {
    Mesh mesh = new Mesh(1, 2, 1, 1);
    ModelSpec model = Jobs.model(0, 0);
    RowSchedules schedules =
        new RowSchedules(model, mesh, "f32", "ipc", new Rates(1, 1000 * GFLOPS, 1_000_000 * GB));
    SequenceLayout row = Layouts.of(LayoutKind.CONTIGUOUS, new Documents(8192), 2, 1, 64);
    // Rank 1 computes its triangle and the square; 14 flops a pair and element, 256 elements.
    long pairs = 4096L * 4097 / 2 + 4096L * 4096;
    long micros =
        schedules
            .choice(LayerKind.FULL, List.of("ring"), row, ActivationPlan.NONE)
            .forecast()
            .micros();
    long compute = 14L * 256 * pairs / 1_000_000;
    assertTrue(micros >= compute && micros < compute + 200, micros + " for " + compute);
  }

  /**
   * Over a network a message overlaps with the tiles beside it: a step takes the longer of both.
   */
  @Test
  void networksMoveWhileRanksCompute() {
    Mesh mesh = new Mesh(1, 2, 1, 1);
    ModelSpec model = Jobs.model(0, 0);
    SequenceLayout row = Layouts.of(LayoutKind.ZIGZAG, new Documents(8192), 2, 1, 64);
    Rates rates = new Rates(1, 200 * GFLOPS, GB / 5);
    long shared = ring(new RowSchedules(model, mesh, "f32", "ipc", rates), row);
    long network = ring(new RowSchedules(model, mesh, "f32", "udp", rates), row);
    // Keys and values of 4,096 tokens, 4 heads of 32, at 200 bytes a µs; forward and again
    // backward.
    long hidden = 2 * (4096L * 2 * 4 * 32 * 4 / 200);
    assertEquals(shared - hidden, network, 1000, "of " + shared);
  }

  private static long ring(RowSchedules schedules, SequenceLayout row) {
    return schedules
        .choice(LayerKind.FULL, List.of("ring"), row, ActivationPlan.NONE)
        .forecast()
        .micros();
  }

  @Test
  void nanosecondsDoNotOverflow() {
    assertEquals(1_000_000_000L, ScheduleClock.nanos(1 << 30, 1 << 30));
    assertEquals(500_000_000L, ScheduleClock.nanos(1L << 59, 1L << 60));
    assertEquals(2_000_000_000L, ScheduleClock.nanos(1L << 61, 1L << 60));
    assertEquals(3, ScheduleClock.nanos(33, 10 * GB));
  }

  /** Choosing builds every candidate schedule; this must take far less than a step of seconds. */
  @Test
  void choosingIsCheap() {
    int[] lengths = new int[64];
    for (int d = 0; d < lengths.length; d++) {
      lengths[d] = 2 * (d + 1) * 7;
    }
    Rates rates = Jobs.RATES;
    Plan plan = plan(mixed(), "auto", "contiguous", rates);
    ScheduleKind kind = requireNonNull(plan.scheduleKinds(mixed()).get(LayerKind.FULL));
    SequenceLayout row = plan.layoutOf(new Documents(lengths));
    AttentionSchedule warm = kind.schedule(row, AttentionMask.CAUSAL);
    for (int i = 0; i < 50; i++) {
      warm = kind.schedule(row, AttentionMask.CAUSAL);
    }
    long began = threadNanos();
    for (int i = 0; i < 10; i++) {
      assertEquals(warm.kind(), kind.schedule(row, AttentionMask.CAUSAL).kind());
    }
    long nanos = (threadNanos() - began) / 10;
    assertTrue(nanos < 20_000_000, nanos + " ns of CPU for one choice");
  }

  private static long threadNanos() {
    return java.lang.management.ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
  }
}
