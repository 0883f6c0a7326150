package dev.gyre.deploy.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.console.KernelTable;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.ForkTimes;
import dev.gyre.trainer.json.SpecJson;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

final class KernelResultsTest {
  private static final KernelsBench BENCH =
      new KernelsBench("vector", Device.CPU, "f32", List.of(), 3, false);

  private final List<KernelResult> told = new ArrayList<>();
  private final KernelResults results = new KernelResults(BENCH, "AVX2", "a cpu", told::add);

  private static ForkTimes times(String kernel, double flops, double bytes, double... seconds) {
    List<Double> forks = new ArrayList<>();
    for (double s : seconds) {
      forks.add(s);
    }
    return new ForkTimes(kernel, "8×8", flops, bytes, forks, forks);
  }

  @Test
  void sharesAreOfTheFastestOfTheRunWhicheverCameFirst() {
    results.add(times(ForkTimes.MEMORY, 0, 8e9, 1, 0.5, 1));
    results.add(times("linear", 50e9, 1e9, 1, 1, 1));
    results.add(times("linear", 100e9, 1e9, 1, 1, 1.5));
    assertEquals(List.of(), told);
    results.add(times("attention", 25e9, 1e9, 1, 1, 1));
    results.add(times("rope", 0, 4e9, 1, 1, 1));
    results.finish();
    assertEquals(
        List.of("memory", "linear", "linear", "attention", "rope"),
        told.stream().map(KernelResult::kernel).toList());
    assertEquals(0.5, told.get(1).ofPeak());
    assertEquals(1.0, told.get(2).ofPeak());
    assertEquals(0.25, told.get(3).ofPeak());
    assertEquals(25, told.get(3).gflops());
    assertNull(told.get(3).gbps());
    assertEquals(0.25, told.get(4).ofBandwidth());
    assertEquals(4, told.get(4).gbps());
    assertNull(told.get(4).gflops());
  }

  @Test
  void theMiddleForkCountsAndTheSpreadIsOverAll() {
    results.add(times("rope", 0, 4e9, 1.2, 1.0, 0.9));
    assertEquals(1.0, told.getFirst().medianSeconds());
    assertEquals(0.3, told.getFirst().spread(), 1e-12);
    assertEquals(List.of(), told.getFirst().slowForks());
  }

  @Test
  void aForkThatAnotherWasTwiceAsFastAsIsSlow() {
    results.add(times("rope", 0, 4e9, 1.0, 2.01, 90));
    assertEquals(List.of(2, 3), told.getFirst().slowForks());
    assertTrue(KernelTable.row(told.getFirst()).endsWith("SLOW"));
  }

  @Test
  void aBusyMachineIsNoCliff() {
    results.add(new ForkTimes("rope", "8×8", 0, 1, List.of(1.0, 9.0), List.of(1.0, 1.1)));
    assertEquals(List.of(), told.getFirst().slowForks());
  }

  @Test
  void jsonNamesWhatAppliesAndNothingElse() {
    results.add(times("linear", 50e9, 1e9, 1));
    results.finish();
    String json = SpecJson.line(told.getFirst());
    assertTrue(json.contains("\"gflops\":50.0") && json.contains("\"of_peak\":1.0"), json);
    assertTrue(json.contains("\"instruction_set\":\"AVX2\""), json);
    assertTrue(!json.contains("gbps") && !json.contains("of_bandwidth"), json);
  }
}
