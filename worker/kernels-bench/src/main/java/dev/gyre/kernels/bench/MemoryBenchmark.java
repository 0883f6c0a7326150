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

/** The memory bandwidth of one core: a copy of more bytes than fit in a cache. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.SECONDS)
public class MemoryBenchmark {
  /** Source and target have this size each: more than the usual 32 MB of shared cache. */
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
