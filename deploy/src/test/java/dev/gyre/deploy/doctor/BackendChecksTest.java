package dev.gyre.deploy.doctor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.trainer.calibration.KernelRates;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.calibration.RateCache;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class BackendChecksTest {
  private static final BackendProbe.Available CAN =
      new BackendProbe.Available(Set.of(DType.F32), Set.of(DType.F32), "CPU", "AVX2", "lib 3");

  @TempDir Path folder;

  /** A provider that must not be opened, because its rates are known. */
  private record Probed(String name, BackendProbe probe) implements BackendProvider {
    @Override
    public int preference() {
      return 0;
    }

    @Override
    public Backend open(int threads) {
      throw new IllegalStateException("it was measured before");
    }
  }

  private List<Finding> check(BackendProvider... providers) {
    return new BackendChecks(new RateCache(folder), "0.1", Device.CPU, false)
        .of(List.of(providers));
  }

  @Test
  void whatIsThereIsShownWithItsRates() {
    new RateCache(folder)
        .add(
            Machine.here("0.1", "fast", CAN, "f32", 1),
            new KernelRates(Map.of("linear", 88_000_000_000L, "attention", 42_000_000_000L), 7));
    List<Finding> findings = check(new Probed("fast", CAN));
    assertEquals(List.of("backend fast", "fast f32"), subjects(findings));
    assertTrue(findings.getFirst().value().contains("f32  CPU  AVX2  lib 3"));
    assertTrue(findings.getLast().value().contains("matmul 88.0 GFLOP/s, attention 42.0"));
    assertTrue(findings.stream().allMatch(f -> f.level() == Level.OK), findings::toString);
  }

  @Test
  void whatIsKnownIsMeasuredAgainWhereThatIsAsked() {
    RateCache cache = new RateCache(folder);
    Machine machine = Machine.here("0.1", "fast", CAN, "f32", 1);
    cache.add(machine, new KernelRates(Map.of("linear", 1L, "attention", 1L), 7));
    BackendChecks checks = new BackendChecks(cache, "0.1", Device.CPU, true);
    List<BackendProvider> providers = List.of(new Probed("fast", CAN));
    assertThrows(IllegalStateException.class, () -> checks.of(providers), "opens it");
    assertEquals(KernelRates.NONE, cache.find(machine));
  }

  @Test
  void whatIsNotOnADeviceSaysSo() {
    BackendChecks checks =
        new BackendChecks(new RateCache(folder), "0.1", Device.parse("cuda:1"), false);
    List<Finding> findings = checks.of(List.of(new ScalarBackendProvider()));
    assertTrue(findings.getFirst().advice().contains("not on cuda:1"), findings::toString);
    assertEquals("none on cuda:1", findings.getLast().value());
  }

  @Test
  void whatIsNotThereSaysWhy() {
    BackendProbe no = new BackendProbe.Unavailable("no GPU here");
    Finding finding = check(new Probed("gpu", no)).getFirst();
    assertEquals(Level.COULD_BE_BETTER, finding.level());
    assertEquals("no GPU here", finding.advice());
  }

  @Test
  void theReferenceAloneIsNotEnoughToTrain() {
    Finding last = check(new ScalarBackendProvider()).getLast();
    assertEquals(Level.BROKEN, last.level());
    assertEquals(ExitCode.BAD_JOB, last.exit());
  }

  private static List<String> subjects(List<Finding> findings) {
    return findings.stream().map(Finding::subject).toList();
  }
}
