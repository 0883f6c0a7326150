package dev.gyre.partitioning.plan;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.JobSpec;
import dev.gyre.partitioning.job.MeshSpec;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Over how many ranks {@code auto} distributes experts, with made-up rates. */
final class ExpertParallelChoiceTest {
  private static final long GFLOPS = 1_000_000_000L;
  private static final long GB = 1_000_000_000L;
  private static final Rates MEMORY = new Rates(200 * GFLOPS, 100 * GFLOPS, 5 * GB);

  private static JobSpec job(int length, int expertParallel) {
    MeshSpec mesh = MeshSpec.of(0, 1, 4, 1, expertParallel);
    return Jobs.job(Jobs.model(8, 0), Jobs.train(length, length, "bf16"), mesh, "auto");
  }

  private static WorkerCapabilities workers(Rates rates, long workerBytes) {
    return Jobs.withMemory(Jobs.workers(Jobs.ONEDNN), 4 * workerBytes).with(rates);
  }

  private static Plan plan(int length, int expertParallel, Rates rates) {
    return Jobs.PLANNER.plan(job(length, expertParallel), workers(rates, 8L << 30));
  }

  /**
   * For long rows a hot expert costs most, for short ones the gradients of experts on all ranks.
   */
  @Test
  void manyRowsAreComputedWhereTheyAreAndFewTravel() {
    Plan many = plan(65536, 0, MEMORY);
    assertEquals(1, many.mesh().expertParallel());
    assertEquals(0, many.cost().expertBytes());
    assertReason(many, 65536);
    Plan few = plan(64, 0, MEMORY);
    assertEquals(4, few.mesh().expertParallel());
    assertReason(few, 64);
    Plan slowLink = plan(8192, 0, new Rates(200 * GFLOPS, 100 * GFLOPS, GB / 10));
    assertEquals(4, slowLink.mesh().expertParallel());
    assertReason(slowLink, 8192);
  }

  /** Each forecast is that of a job that asks for its degree, and the least is chosen. */
  private static void assertReason(Plan plan, int length) {
    List<ExpertParallelForecast> forecasts = plan.expertParallelForecasts();
    assertEquals(
        List.of(1, 2, 4), forecasts.stream().map(ExpertParallelForecast::expertParallel).toList());
    for (ExpertParallelForecast f : forecasts) {
      Plan asked = plan(length, f.expertParallel(), plan.rates());
      assertEquals(asked.stepMicros(), f.micros());
      assertEquals(asked.memory().total(), f.memoryBytes());
      assertEquals(List.of(), asked.expertParallelForecasts());
      assertTrue(f.micros() >= plan.stepMicros(), f::toString);
    }
  }

  /** A degree that needs less memory is chosen if the fastest would recompute, or keep less. */
  @Test
  void theChoiceIsMadeAmongWhatFits() {
    // Slow kernels on a fast link: all experts on every rank is fastest, with the most weights.
    Rates rates = new Rates(20 * GFLOPS, 10 * GFLOPS, 100 * GB);
    Plan roomy = plan(2048, 0, rates);
    assertEquals(1, roomy.mesh().expertParallel());
    List<ExpertParallelForecast> forecasts = roomy.expertParallelForecasts();
    assertTrue(forecasts.getLast().memoryBytes() < roomy.memory().total(), forecasts::toString);
    long workerBytes = roomy.memory().total() - 1;
    Plan alone = Jobs.PLANNER.plan(job(2048, 1), workers(rates, workerBytes));
    assertTrue(alone.memory().total() <= workerBytes, "it would fit, and keep less");
    assertNotEquals(roomy.activations().describe(), alone.activations().describe());
    Plan tight = Jobs.PLANNER.plan(job(2048, 0), workers(rates, workerBytes));
    assertTrue(alone.stepMicros() < tight.stepMicros(), "although it would be faster");
    assertTrue(tight.mesh().expertParallel() > 1, tight.mesh()::toString);
    assertEquals(roomy.activations().describe(), tight.activations().describe());
    assertTrue(tight.memory().total() <= workerBytes);
  }

  @Test
  void whereNothingFitsTheLeastIsTaken() {
    Plan none = Jobs.PLANNER.plan(job(65536, 0), workers(MEMORY, 1 << 20));
    long smallest =
        none.expertParallelForecasts().stream()
            .mapToLong(ExpertParallelForecast::memoryBytes)
            .min()
            .orElseThrow();
    assertEquals(smallest, none.memory().total());
    assertTrue(advice(none).contains("Use more ring ranks,"), advice(none));
    Plan named = Jobs.PLANNER.plan(job(65536, 2), workers(MEMORY, 1 << 20));
    assertTrue(advice(named).contains("Use more ring or expert ranks,"), advice(named));
  }

  private static String advice(Plan plan) {
    return String.valueOf(
        assertThrows(
                InvalidPlanException.class,
                () -> PlanValidator.requireMemory(plan, workers(MEMORY, 1 << 20)))
            .getMessage());
  }

  @Test
  void whatIsNamedOrUnknownIsNotChosen() {
    Plan named = plan(65536, 2, MEMORY);
    assertEquals(2, named.mesh().expertParallel());
    assertEquals(List.of(), named.expertParallelForecasts());
    Plan unknown = plan(65536, 0, Rates.UNKNOWN);
    assertEquals(4, unknown.mesh().expertParallel());
    assertEquals(List.of(), unknown.expertParallelForecasts());
    JobSpec dense =
        Jobs.job(
            Jobs.model(0, 0), Jobs.train(8192, 8192, "bf16"), MeshSpec.of(4, 0, 0, 0, 0), "auto");
    assertEquals(
        List.of(), Jobs.PLANNER.plan(dense, workers(MEMORY, 8L << 30)).expertParallelForecasts());
  }

  /**
   * One expert gets twice its share, or one row per token if that is less; the others share the
   * rest.
   */
  @Test
  void theBusiestRankHoldsTheHotExpert() {
    assertEquals(1000, new ExpertPlacement(8, 1).busiest(1000, 2));
    // 2,000 rows: 500 for the hot one and 3 of 7 parts of 1,500.
    assertEquals(500 + 642, new ExpertPlacement(8, 2).busiest(1000, 2));
    assertEquals(2000, new ExpertPlacement(8, 8).busiest(1000, 2));
    // Every token visits every expert: nothing can be uneven.
    assertEquals(1000, new ExpertPlacement(2, 2).busiest(1000, 2));
    assertEquals(2000, new ExpertPlacement(2, 2).busiest(1000, 1));
    assertEquals(1000, new ExpertPlacement(1, 1).busiest(1000, 1));
    assertEquals(0, new ExpertPlacement(0, 1).busiest(0, 0));
    assertEquals(0, new ExpertPlacement(8, 4).busiest(0, 2));
  }
}
