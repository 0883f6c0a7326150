package dev.gyre.kernels.bench;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.workload.KernelWorkload;
import dev.gyre.kernels.workload.Operands;
import dev.gyre.kernels.workload.Workload;
import java.lang.foreign.Arena;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/**
 * One call of one kernel. Operands are created and code is JIT-compiled before JMH starts to
 * measure, so that short iterations suffice.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.SECONDS)
public class KernelBenchmark {
  /** {@link KernelWorkload}. */
  @Param({})
  public String kernel = "";

  /** {@link Variant}. */
  @Param({})
  public String variant = "";

  @Param({})
  public String backend = "";

  /** {@link Device} that it computes on. */
  @Param({})
  public String device = "";

  /** {@link DType} of the compute tensors. */
  @Param({})
  public String dtype = "";

  /**
   * Memory of the operands, because tensors do not keep their memory alive; freed when the JVM
   * ends.
   */
  private final Arena arena = Arena.ofAuto();

  private @Nullable Backend opened;
  private Runnable call = () -> {};

  @Setup
  public void open() {
    Backend there = provider(backend).open(1, Device.parse(device));
    opened = there;
    Workload workload =
        KernelWorkload.valueOf(kernel)
            .open(
                Operands.in(arena, there, DType.valueOf(dtype)), Variant.valueOf(variant).sizes());
    Runnable work = workload.call();
    call =
        () -> {
          work.run();
          there.synchronize();
        };
    WarmUp.untilNoFaster(call);
  }

  private static BackendProvider provider(String name) {
    for (BackendProvider provider : ServiceLoader.load(BackendProvider.class)) {
      if (provider.name().equals(name)) {
        return provider;
      }
    }
    throw new IllegalArgumentException("no backend " + name + " on the class path");
  }

  @Benchmark
  public void call() {
    call.run();
  }

  @TearDown
  public void close() {
    if (opened != null) {
      opened.close();
    }
  }
}
