package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.util.List;
import org.junit.jupiter.api.Test;

class AttentionBenchTest {
  private static final AttentionBench BENCH =
      new AttentionBench("scalar", DType.F32, 2, 1, 8, 64, 1);

  @Test
  void everyScheduleRunsOverTheSameTokensARank() {
    AttentionResult alone = BENCH.alone(3);
    assertEquals(1, alone.ranks());
    assertEquals(192, alone.tokens());
    assertTrue(alone.mostSeconds() > 0);
    for (String schedule : ScheduleKind.KEYS) {
      AttentionResult shared = BENCH.sharded(schedule, 3);
      assertEquals(schedule, shared.schedule());
      assertEquals(schedule.equals("balanced") ? "contiguous" : "zigzag", shared.layout());
      assertEquals(192, shared.tokens());
      assertTrue(shared.meanSeconds() > 0 && shared.mostSeconds() >= shared.meanSeconds());
    }
  }

  /**
   * The prediction is that of a plan: the choice follows from the rates, and has the least time.
   */
  @Test
  void predictsWhatAPlanWould() {
    AttentionBench bench = new AttentionBench("scalar", DType.F32, 2, 1, 8, 256, 1);
    Rates slowKernels = new Rates(1, 1_000_000, 1_000_000_000_000L);
    AttentionBench.Prediction even = bench.predict(ScheduleKind.KEYS, 4, slowKernels);
    assertEquals(ScheduleKind.KEYS, List.copyOf(even.micros().keySet()));
    // 1,024 tokens, causal: 14 FLOPs per pair and element, 16 elements, a quarter for each rank.
    double alone = 14 * 16 * (1024 * 1025 / 2) / 1e6;
    assertEquals(alone / 4, even.seconds("ring"), 0.01 * alone);
    assertTrue(even.seconds("balanced") > 1.2 * even.seconds("ring"), even::toString);
    assertEquals("ring, zigzag", even.schedule() + ", " + even.layout());
    // With kernels that take almost no time, how often ranks wait for each other decides.
    Rates fast = new Rates(1, 1_000_000_000_000_000L, 1_000_000_000_000L);
    AttentionBench.Prediction waits = bench.predict(ScheduleKind.KEYS, 4, fast);
    assertTrue(waits.seconds("allgather") < waits.seconds("ring"), waits::toString);
    assertEquals("allgather", waits.schedule());
  }

  @Test
  void efficiencyIsAnEvenShareOverTheBusiestRank() {
    AttentionResult alone = new AttentionResult("ring", "contiguous", 1, 400, 8, 8);
    AttentionResult four = new AttentionResult("ring", "zigzag", 4, 400, 2.5, 2);
    assertEquals(0.8, four.efficiency(alone), 1e-12);
  }
}
