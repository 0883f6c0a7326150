package dev.gyre.deploy.bench;

import dev.gyre.comms.Channel;
import dev.gyre.comms.Counters;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.comms.aeron.AeronOptions;
import dev.gyre.comms.aeron.AeronTransport;
import dev.gyre.trainer.json.SpecJson;
import dev.gyre.trainer.worker.CoreShare;
import dev.gyre.trainer.worker.ParentPipe;
import java.io.IOException;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;

/** The process of one rank: runs every collective at every size; rank 0 writes the times. */
final class CollectivesRank {
  private static final long DEADLINE_NANOS = TimeUnit.SECONDS.toNanos(60);

  /** Warm-up calls before the timed ones, as in scripts of other frameworks; more if needed. */
  private static final int WARM_UP_CALLS = 3;

  /** Warm-up before the first measurement: the JIT compiles code after some thousand calls. */
  private static final long JIT_NANOS = TimeUnit.SECONDS.toNanos(4);

  /** Limit of the wait for the JIT to become idle; on a busy machine it may not. */
  private static final long RESTLESS_NANOS = TimeUnit.SECONDS.toNanos(3);

  private static final int JIT_BYTES = 4 << 10;
  private static final int JIT_LARGE_BYTES = 1 << 20;

  /** Calls of each kind between two checks of the clock. */
  private static final int JIT_CALLS = 200;

  private static final int JIT_LARGE_CALLS = 10;

  private final ProcessGroup group;
  private final long[] nanos;
  private final CompilerIdle jit = new CompilerIdle();

  private CollectivesRank(ProcessGroup group, int repeats) {
    this.group = group;
    nanos = new long[repeats];
  }

  /** Arguments of {@link #main}. */
  static List<String> arguments(
      String run, Path folder, CollectivesBench bench, List<String> endpoints, Path results) {
    return List.of(
        run,
        folder.toString(),
        Integer.toString(bench.workers()),
        Integer.toString(bench.repeats()),
        String.join(",", bench.sizes().stream().map(String::valueOf).toList()),
        String.join(",", endpoints),
        results.toString());
  }

  /** Runs one rank. Arguments: the rank, then {@link #arguments}. */
  public static void main(String[] args) throws IOException {
    ParentPipe.watch();
    int cores = CoreShare.take();
    int rank = Integer.parseInt(args[0]);
    int workers = Integer.parseInt(args[3]);
    long[] sizes = Arrays.stream(args[5].split(",", -1)).mapToLong(Long::parseLong).toArray();
    List<String> endpoints = args[6].isEmpty() ? List.of() : List.of(args[6].split(",", -1));
    AeronOptions options =
        new AeronOptions(
            args[1], 0, rank, workers, Path.of(args[2]), DEADLINE_NANOS, cores, endpoints);
    List<CollectiveResult> results;
    try (Transport transport = AeronTransport.open(options, line -> System.out.println(line))) {
      ProcessGroup group =
          new ProcessGroup(transport, IntStream.range(0, workers).toArray(), Channel.GRADIENTS);
      results = new CollectivesRank(group, Integer.parseInt(args[4])).measure(sizes);
    }
    if (rank == 0) {
      try (Writer out = Files.newBufferedWriter(Path.of(args[7]))) {
        for (CollectiveResult result : results) {
          out.write(SpecJson.line(result) + "\n");
        }
      }
    }
  }

  private List<CollectiveResult> measure(long[] sizes) {
    long largest = Math.max(JIT_LARGE_BYTES, Arrays.stream(sizes).max().orElse(0));
    CollectiveBuffers buffers = CollectiveBuffers.allocate(group, largest);
    warmUp(buffers);
    List<CollectiveResult> results = new ArrayList<>();
    for (long bytes : sizes) {
      CollectiveBuffers sized = buffers.of(bytes);
      for (CollectiveOp op : CollectiveOp.values()) {
        Runnable call = op.call(group, sized);
        sized.fill();
        call.run();
        op.check(group, sized);
        sized.clear();
        results.add(timed(op, bytes, call));
      }
    }
    return results;
  }

  private void warmUp(CollectiveBuffers buffers) {
    long end = System.nanoTime() + JIT_NANOS;
    do {
      for (CollectiveOp op : CollectiveOp.values()) {
        repeat(op.call(group, buffers.of(JIT_BYTES)), JIT_CALLS);
        repeat(op.call(group, buffers.of(JIT_LARGE_BYTES)), JIT_LARGE_CALLS);
      }
    } while (!allReady(System.nanoTime() - end >= 0));
  }

  /**
   * Repeats calls until the JIT of no rank compiles any more: a call takes at most a millisecond,
   * and a concurrent compilation on the same cores would take much longer.
   */
  private void warmUp(Runnable call) {
    long end = System.nanoTime() + RESTLESS_NANOS;
    do {
      repeat(call, WARM_UP_CALLS);
    } while (!allReady(jit.isAtRest() || System.nanoTime() - end >= 0));
  }

  /** Whether all ranks are ready; every rank gets the same answer. */
  private boolean allReady(boolean ready) {
    double[] waiting = {ready ? 0 : 1};
    group.sum(waiting);
    return waiting[0] == 0;
  }

  private static void repeat(Runnable call, int times) {
    for (int i = 0; i < times; i++) {
      call.run();
    }
  }

  private CollectiveResult timed(CollectiveOp op, long bytes, Runnable call) {
    warmUp(call);
    long wait = 0;
    long cpuWait = 0;
    for (int i = 0; i < nanos.length; i++) {
      allReady(true);
      Counters before = group.transport().counters();
      long start = System.nanoTime();
      call.run();
      nanos[i] = System.nanoTime() - start;
      Counters after = group.transport().counters();
      wait += after.waitNanos() - before.waitNanos();
      cpuWait += after.waitCpuNanos() - before.waitCpuNanos();
    }
    return CollectiveResult.of(op.key(), group.size(), bytes, nanos, wait, cpuWait);
  }
}
