package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.DType;
import dev.gyre.partitioning.schedule.ScheduleKind;
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

  @Test
  void efficiencyIsAnEvenShareOverTheBusiestRank() {
    AttentionResult alone = new AttentionResult("ring", "contiguous", 1, 400, 8, 8);
    AttentionResult four = new AttentionResult("ring", "zigzag", 4, 400, 2.5, 2);
    assertEquals(0.8, four.efficiency(alone), 1e-12);
  }
}
