package dev.gyre.trainer.worker;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.calibration.SlowKernel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

final class KernelWatchTest {
  private static final double PLANNED_SECONDS = 1;
  private static final int STEPS = KernelWatch.COMPILING_STEPS + KernelWatch.MEASURED_STEPS;
  private static final SlowKernel SLOW = new SlowKernel("swiglu", 1, 100, false);

  private final List<String> lines = new ArrayList<>();
  private int measured;

  private void steps(double planned, List<SlowKernel> slow, double... seconds) {
    KernelWatch watch =
        new KernelWatch(
            planned,
            () -> {
              measured++;
              return slow;
            },
            lines::add);
    for (double step : seconds) {
      watch.stepped(step);
    }
  }

  /** Slow steps, of which one takes so long. */
  private static double[] slowBut(int index, double seconds) {
    double[] all = new double[2 * STEPS];
    Arrays.fill(all, 10 * PLANNED_SECONDS);
    all[index] = seconds;
    return all;
  }

  @Test
  void stepsAsPlannedAreNotMeasured() {
    double[] all = new double[2 * STEPS];
    Arrays.fill(all, 2 * PLANNED_SECONDS);
    steps(PLANNED_SECONDS, List.of(SLOW), all);
    assertEquals(0, measured);
  }

  @Test
  void slowStepsAreDueToASlowKernel() {
    SlowKernelException e =
        assertThrows(
            SlowKernelException.class,
            () -> steps(PLANNED_SECONDS, List.of(SLOW), slowBut(0, PLANNED_SECONDS)));
    assertTrue(String.valueOf(e.getMessage()).contains("kernel swiglu"), e::getMessage);
  }

  @Test
  void slowStepsWithoutASlowKernelAreReportedOnce() {
    steps(PLANNED_SECONDS, List.of(), slowBut(0, 10 * PLANNED_SECONDS));
    assertEquals(1, measured);
    assertEquals(1, lines.size());
    assertTrue(lines.getFirst().contains("10.0 s, planned 1.0 s"), lines::toString);
  }

  @Test
  void oneFastStepShowsThatNoKernelIsSlow() {
    steps(PLANNED_SECONDS, List.of(SLOW), slowBut(STEPS - 1, PLANNED_SECONDS));
    assertEquals(0, measured);
  }

  /** Kernels were measured in this process, or no rate is known. */
  @Test
  void withoutAPlannedTimeNothingIsMeasured() {
    steps(0, List.of(SLOW), slowBut(0, 10 * PLANNED_SECONDS));
    assertEquals(0, measured);
  }

  /** Tiny models: most of a step is not in the plan. */
  @Test
  void stepsOfLessThanHalfASecondAreNotMeasured() {
    double[] all = new double[2 * STEPS];
    Arrays.fill(all, 0.4);
    steps(0.001, List.of(SLOW), all);
    assertEquals(0, measured);
  }
}
