package dev.gyre.kernels.bench;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The bandwidth of one core to memory: a plain copy of what no cache holds. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.SECONDS)
public class MemoryBenchmark {
  /** Twice this is in use: above the 32 MB of shared cache that common machines have. */
  static final long BYTES = 64L << 20;

  private static final long ALIGNMENT = 64;

  private final MemorySegment from = Arena.ofAuto().allocate(BYTES, ALIGNMENT);
  private final MemorySegment to = Arena.ofAuto().allocate(BYTES, ALIGNMENT);

  @Setup
  public void warmUp() {
    WarmUp.untilNoFaster(this::copy);
  }

  @Benchmark
  public void copy() {
    MemorySegment.copy(from, 0, to, 0, BYTES);
  }
}
