package dev.gyre.trainer.calibration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.workload.KernelWorkload;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Uses kernels that only take virtual time, so that it is known which are slow. */
final class CalibrationTest {
  private static final Machine HERE =
      new Machine("Some CPU", 2, "25", "0.1", "idle", "", "", "bf16", 1);

  private static final Calibration.Limits SHORT =
      new Calibration.Limits(
          TimeUnit.MILLISECONDS.toNanos(300),
          TimeUnit.MILLISECONDS.toNanos(100),
          TimeUnit.SECONDS.toNanos(60));

  private static final long SLOW_NANOS = 5_000_000;

  /** Bytes per second of a plain copy: far more than kernels that take half a microsecond move. */
  private static final long COPY = 10_000_000_000_000L;

  @TempDir Path folder;

  /** Time passes only in kernels and pauses: nothing depends on how busy this machine is. */
  private static final class VirtualClock implements CalibrationClock {
    private long now;

    @Override
    public long kernelNanos() {
      return now;
    }

    @Override
    public long wallNanos() {
      return now;
    }

    @Override
    public long processCpuNanos() {
      return now;
    }

    @Override
    public void pause(long nanos) {
      now += nanos;
    }
  }

  private final VirtualClock clock = new VirtualClock();

  /** Products take 500 µs, other kernels half a microsecond, the slow one 5 ms. */
  private Backend idleBut(String slow, boolean compiledHere) {
    Kernels kernels =
        KernelCall.receivedBy(
            call -> {
              String name = call.kernel();
              clock.now += name.equals(slow) ? SLOW_NANOS : isProduct(name) ? 500_000 : 500;
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

  /** Matrix products, whose rate is the peak; other kernels should reach a share of it. */
  private static boolean isProduct(String kernel) {
    return kernel.toLowerCase(Locale.ROOT).contains("linear");
  }

  private Calibration.Result measure(String slow, RateCache cache) {
    return measure(slow, cache, () -> COPY);
  }

  private Calibration.Result measure(String slow, RateCache cache, LongSupplier copy) {
    try (Backend backend = idleBut(slow, true)) {
      return Calibration.measure(backend, DType.BF16, HERE, cache, SHORT, copy, clock);
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

  /**
   * A library's kernels do not depend on this process's compiler, so they are measured no longer
   * than needed.
   */
  @Test
  @Timeout(60)
  void aLibrarysKernelsAreExpectedToBeWhatTheyAre() {
    long never = TimeUnit.HOURS.toNanos(1);
    Calibration.Limits limits = new Calibration.Limits(never, never, never);
    RateCache cache = new RateCache(folder);
    try (Backend backend = idleBut("adamW", false)) {
      Calibration.Result measured =
          Calibration.measure(backend, DType.BF16, HERE, cache, limits, () -> COPY, clock);
      assertEquals(List.of(), measured.slow());
      assertTrue(measured.rates().of(KernelWorkload.ADAM_W) > 0);
    }
  }

  /** Stores measured rates, with one that is so many times the measured one; returns that. */
  private long rememberFaster(RateCache cache, KernelWorkload kernel, double times) {
    TreeMap<String, Long> rates = new TreeMap<>(measure("none", cache).rates().perSecond());
    rates.compute(kernel.kernel(), (_, rate) -> Math.round(times * rate));
    return cache.add(HERE, new KernelRates(rates, 1)).of(kernel);
  }

  @Test
  void aKernelFarUnderWhatItReachedBeforeIsSlow() {
    RateCache cache = new RateCache(folder);
    // This kernel is limited by arithmetic, so the current memory bandwidth does not matter.
    KernelWorkload kernel = KernelWorkload.LINEAR_ATTENTION_STATE;
    long before = rememberFaster(cache, kernel, 50);
    Calibration.Result measured = measure("none", cache);
    assertEquals(
        List.of(kernel.kernel()), measured.slow().stream().map(SlowKernel::kernel).toList());
    assertEquals(before, cache.find(HERE).of(kernel));
  }

  /** A processor may be slower than when it was first measured: do not wait for its old rate. */
  @Test
  void aKernelThatHasSettledABitBelowItsFormerRateIsDone() {
    RateCache cache = new RateCache(folder);
    rememberFaster(cache, KernelWorkload.LINEAR_ATTENTION_STATE, 3);
    long minute = TimeUnit.MINUTES.toNanos(1);
    Calibration.Limits patient = new Calibration.Limits(minute, minute, minute);
    try (Backend backend = idleBut("none", true)) {
      Calibration.Result measured =
          Calibration.measure(backend, DType.BF16, HERE, cache, patient, () -> COPY, clock);
      assertEquals(List.of(), measured.slow());
      assertTrue(measured.nanos() < TimeUnit.SECONDS.toNanos(1), measured.nanos() + " ns");
    }
  }

  /** A kernel limited by memory may be slow while memory is busy, but not afterwards. */
  @Test
  void busyMemoryExcusesAKernelForAsLongAsItIsBusy() {
    RateCache cache = new RateCache(folder);
    long busy = rememberFaster(cache, KernelWorkload.ADD, 50) / 50 / 4;
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
    long before = rememberFaster(cache, KernelWorkload.LINEAR, 1.5);
    Calibration.Result measured = measure("none", cache);
    assertEquals(List.of(), measured.slow());
    assertEquals(before, measured.rates().matmulFlopsPerSecond());
  }
}
