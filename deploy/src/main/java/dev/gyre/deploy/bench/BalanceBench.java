package dev.gyre.deploy.bench;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.Balance;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.sequence.AttentionMeter;
import dev.gyre.trainer.sequence.ShardedSequence;
import dev.gyre.trainer.worker.Backends;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/**
 * Measures the load balance of attention, forward and backward, over a ring whose ranks are threads
 * of this process. The row has documents of log-normal lengths. It measures each rank's CPU time in
 * the kernels, which excludes waits and other load on the core.
 *
 * @param median tokens of a document
 * @param sigma standard deviation of the lengths' logarithm
 * @param heads query heads, twice the key/value heads
 * @param repeats after one warm-up pass
 */
public record BalanceBench(
    int ring,
    int tokens,
    double median,
    double sigma,
    long seed,
    AttentionMask mask,
    int heads,
    int headDim,
    int repeats,
    DType dtype,
    String backend) {
  /** One hour: the first kernel calls are interpreted, and ranks share cores. */
  private static final long DEADLINE_NANOS = 3_600_000_000_000L;

  /** Documents of the row; the last one is cut at the end of the row. */
  Documents documents() {
    Random random = new Random(seed);
    List<Integer> lengths = new ArrayList<>();
    int used = 0;
    while (used < tokens) {
      long length = Math.round(median * Math.exp(sigma * random.nextGaussian()));
      lengths.add(Math.clamp(length, 1, tokens - used));
      used += lengths.getLast();
    }
    return new Documents(lengths.stream().mapToInt(Integer::intValue).toArray());
  }

  public BalanceResult run(LayoutKind kind) {
    Documents documents = documents();
    SequenceLayout layout = Layouts.of(kind, documents, ring, 1, Layouts.DEFAULT_MIN_CHUNK);
    AttentionSchedule schedule = new RingSchedule().schedule(layout, mask);
    List<long[][]> nanos;
    Options patient = Options.plain().withDeadlineNanos(DEADLINE_NANOS);
    try (LocalNetwork network = LocalNetwork.loopback(ring, patient)) {
      nanos = RankThreads.run(ring, network, rank -> measure(rank, layout, schedule));
    }
    List<Double> forward = new ArrayList<>();
    List<Double> backward = new ArrayList<>();
    for (long[][] ofRank : nanos) {
      forward.add(median(ofRank[0]) / 1e9);
      backward.add(median(ofRank[1]) / 1e9);
    }
    return new BalanceResult(
        kind.key(),
        mask.toString(),
        ring,
        tokens,
        documents.count(),
        BalanceResult.overMean(Balance.of(layout, schedule).pairs()),
        forward,
        BalanceResult.overMean(forward),
        backward,
        BalanceResult.overMean(backward),
        planSeconds(kind, documents));
  }

  /** Nanoseconds of each repeat: forward, backward. */
  private long[][] measure(Transport transport, SequenceLayout layout, AttentionSchedule schedule) {
    long rows = layout.tokens(transport.rank());
    int kvHeads = Math.max(1, heads / 2);
    // The caller has at most 6 tensors of all heads, the ring as many for slots and accumulators;
    // with zigzag a rank has up to a quarter more tokens than the mean.
    long bytes = 16L * Float.BYTES * (tokens / ring + 1024L) * heads * headDim;
    try (Arena arena = Arena.ofShared();
        Backend opened = Backends.open(backend, 1, Device.CPU)) {
      AttentionMeter meter = new AttentionMeter(opened);
      MemorySegment memory = arena.allocate(bytes, Workspace.ALIGNMENT_BYTES);
      Workspace workspace = new Workspace(opened.memory(memory), bytes);
      ShardedSequence sequence =
          new ShardedSequence(
              transport, new Mesh(1, ring, 1, 1), meter.backend(), model(kvHeads), dtype);
      SequenceRow row = sequence.open(layout, Map.of(mask, schedule), null, workspace);
      Tensor q = random(opened, workspace, rows, heads);
      Tensor k = random(opened, workspace, rows, kvHeads);
      Tensor v = random(opened, workspace, rows, kvHeads);
      Tensor dOut = random(opened, workspace, rows, heads);
      Tensor out = workspace.save(dtype, rows, heads, headDim);
      Tensor dq = workspace.save(DType.F32, rows, heads, headDim);
      Tensor dk = workspace.save(DType.F32, rows, kvHeads, headDim);
      Tensor dv = workspace.save(DType.F32, rows, kvHeads, headDim);
      float scale = (float) model(kvHeads).heads().scoreScale();
      long[][] nanos = new long[2][repeats];
      for (int repeat = -1; repeat < repeats; repeat++) {
        meter.reset();
        long mark = workspace.savedMark();
        Saved saved = row.attention(q, k, v, mask, scale, null, out, workspace);
        row.backward(saved, null, dOut, dq, dk, dv, workspace);
        workspace.releaseSaved(mark);
        if (repeat >= 0) {
          nanos[0][repeat] = meter.forwardNanos();
          nanos[1][repeat] = meter.backwardNanos();
        }
      }
      return nanos;
    }
  }

  private Tensor random(Backend opened, Workspace workspace, long rows, int ofHeads) {
    Tensor tensor = workspace.save(dtype, rows, ofHeads, headDim);
    long mark = workspace.scratchMark();
    Tensor values = workspace.scratch(DType.F32, rows, ofHeads, headDim);
    Random random = new Random(seed + ofHeads);
    opened.hostWrites(values);
    for (long i = 0; i < values.elements(); i++) {
      values.segment().setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }
    opened.kernels().copy(values, tensor);
    workspace.releaseScratch(mark);
    return tensor;
  }

  private ModelSpec model(int kvHeads) {
    return new Decoder(
            new EmbeddingSpec(256, heads * headDim), 1, new HeadShape(heads, kvHeads, headDim))
        .mlp(heads * headDim)
        .tied(true)
        .attention(
            new AttentionPattern(
                List.of(), mask.window(), mask.sinks(), mask.anchor(), mask.prefix()))
        .spec();
  }

  /** CPU time to lay out, schedule and prove the row, as every rank does before a batch. */
  private double planSeconds(LayoutKind kind, Documents documents) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long[] nanos = new long[20];
    for (int i = 0; i < nanos.length; i++) {
      long before = threads.getCurrentThreadCpuTime();
      SequenceLayout layout = Layouts.of(kind, documents, ring, 1, Layouts.DEFAULT_MIN_CHUNK);
      PlanValidator.validate(layout, new RingSchedule().schedule(layout, mask), mask);
      nanos[i] = threads.getCurrentThreadCpuTime() - before;
    }
    return median(nanos) / 1e9;
  }

  private static double median(long[] values) {
    long[] sorted = values.clone();
    Arrays.sort(sorted);
    return (sorted[(sorted.length - 1) / 2] + sorted[sorted.length / 2]) / 2.0;
  }
}
