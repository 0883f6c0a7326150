package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.workload.KernelWorkload;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** On kernels that do nothing but take time, so that it is known which are slow. */
final class CalibrationTest {
  private static final Machine HERE =
      new Machine("Some CPU", 2, "25", "0.1", "idle", "", "", "bf16", 1);

  private static final Calibration.Limits SHORT =
      new Calibration.Limits(
          TimeUnit.MILLISECONDS.toNanos(300),
          TimeUnit.MILLISECONDS.toNanos(100),
          TimeUnit.SECONDS.toNanos(60));

  /** A plain copy's bytes a second: far above what kernels that take half a microsecond move. */
  private static final long COPY = 1_000_000_000_000L;

  @TempDir Path folder;

  /** Kernels that return at once, but for one that burns a millisecond. */
  private static Backend idleBut(String slow) {
    return idleBut(slow, true);
  }

  private static Backend idleBut(String slow, boolean compiledHere) {
    Kernels kernels =
        KernelCall.receivedBy(
            call -> {
              String name = call.kernel();
              // Products take longer than the rest, so that nothing else is under its share.
              burn(name.equals(slow) ? 1_000_000 : name.startsWith("linear") ? 50_000 : 500);
            });
    return new Backend() {
      @Override
      public String name() {
        return "idle";
      }

      @Override
      public Kernels kernels() {
        return kernels;
      }

      @Override
      public boolean compiledHere() {
        return compiledHere;
      }
    };
  }

  private static void burn(long nanos) {
    var threads = ManagementFactory.getThreadMXBean();
    long end = threads.getCurrentThreadCpuTime() + nanos;
    while (threads.getCurrentThreadCpuTime() < end) {
      Thread.onSpinWait();
    }
  }

  private Calibration.Result measure(String slow, RateCache cache) {
    return measure(slow, cache, () -> COPY);
  }

  private static Calibration.Result measure(String slow, RateCache cache, LongSupplier copy) {
    try (Backend backend = idleBut(slow)) {
      return Calibration.measure(backend, DType.BF16, HERE, cache, SHORT, copy);
    }
  }

  @Test
  void everyKernelIsMeasuredAndRemembered() {
    RateCache cache = new RateCache(folder);
    Calibration.Result measured = measure("none", cache);
    assertEquals(List.of(), measured.slow());
    for (KernelWorkload kernel : KernelWorkload.values()) {
      assertTrue(measured.rates().of(kernel) > 0, kernel::kernel);
    }
    assertTrue(measured.rates().rates().known());
    assertEquals(measured.rates(), cache.find(HERE));
    String log = String.join("\n", measured.lines(HERE));
    assertTrue(log.contains("attentionBackward") && log.contains("GB/s"), log);
  }

  @Test
  void aKernelFarUnderItsShareOfThePeakIsSlowAndNothingIsRemembered() {
    RateCache cache = new RateCache(folder);
    Calibration.Result measured = measure("adamW", cache);
    assertEquals(List.of("adamW"), measured.slow().stream().map(SlowKernel::kernel).toList());
    SlowKernel slow = measured.slow().getFirst();
    assertTrue(slow.describe().contains("adamW") && slow.describe().contains("GB/s"));
    assertTrue(slow.perSecond() * 4 < slow.expectedPerSecond(), slow::toString);
    assertEquals(KernelRates.NONE, cache.find(HERE));
  }

  /** They say nothing about this process's compiler, and are tried no longer than needed. */
  @Test
  @Timeout(60)
  void aLibrarysKernelsAreExpectedToBeWhatTheyAre() {
    long never = TimeUnit.HOURS.toNanos(1);
    Calibration.Limits limits = new Calibration.Limits(never, never, never);
    RateCache cache = new RateCache(folder);
    try (Backend backend = idleBut("adamW", false)) {
      Calibration.Result measured =
          Calibration.measure(backend, DType.BF16, HERE, cache, limits, () -> COPY);
      assertEquals(List.of(), measured.slow());
      assertTrue(measured.rates().of(KernelWorkload.ADAM_W) > 0);
    }
  }

  @Test
  void aKernelFarUnderWhatItReachedBeforeIsSlow() {
    RateCache cache = new RateCache(folder);
    TreeMap<String, Long> before = new TreeMap<>(measure("none", cache).rates().perSecond());
    // Arithmetic: what memory allows at the moment plays no part.
    before.compute("linearAttentionState", (_, rate) -> 50 * rate);
    cache.add(HERE, new KernelRates(before, 1));
    Calibration.Result measured = measure("none", cache);
    assertEquals(
        List.of("linearAttentionState"), measured.slow().stream().map(SlowKernel::kernel).toList());
    assertEquals(
        before.get("linearAttentionState"),
        cache.find(HERE).perSecond().get("linearAttentionState"));
  }

  /** What memory limits is excused while memory is busy, and not once it no longer is. */
  @Test
  void busyMemoryExcusesAKernelForAsLongAsItIsBusy() {
    RateCache cache = new RateCache(folder);
    KernelRates first = measure("none", cache).rates();
    TreeMap<String, Long> before = new TreeMap<>(first.perSecond());
    before.compute("add", (_, rate) -> 50 * rate);
    cache.add(HERE, new KernelRates(before, 1));
    long busy = first.of(KernelWorkload.ADD) / 4;
    assertEquals(List.of(), measure("none", cache, () -> busy).slow());
    AtomicInteger copies = new AtomicInteger();
    LongSupplier atFirst = () -> copies.getAndIncrement() == 0 ? busy : COPY;
    assertEquals(
        List.of("add"),
        measure("none", cache, atFirst).slow().stream().map(SlowKernel::kernel).toList());
  }

  @Test
  void aPeakThatWasReachedBeforeIsThePeak() {
    RateCache cache = new RateCache(folder);
    KernelRates first = measure("none", cache).rates();
    TreeMap<String, Long> before = new TreeMap<>(first.perSecond());
    before.compute("linear", (_, rate) -> rate + rate / 2);
    cache.add(HERE, new KernelRates(before, 1));
    Calibration.Result measured = measure("none", cache);
    assertEquals(List.of(), measured.slow());
    assertEquals(before.get("linear"), measured.rates().matmulFlopsPerSecond());
  }
}
