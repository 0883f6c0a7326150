package dev.gyre.deploy.bench;

import static java.util.Objects.requireNonNull;

import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.ActivationPlan;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.RowSchedules;
import dev.gyre.partitioning.plan.ScheduleChoice;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.ItemMemory;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.SchedulePass;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.sequence.ShardedSequence;
import dev.gyre.trainer.worker.Backends;
import dev.gyre.trainer.worker.Dtypes;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * Measures attention alone, with ranks as threads of this process: the CPU time of a rank, compared
 * with an even share of one worker's time for the same row. CPU time allows more ranks than cores;
 * time spent in waits is subtracted.
 *
 * @param tokens of each rank, for any number of ranks
 * @param repeats timed passes after one warm-up pass; the median counts
 */
public record AttentionBench(
    String backend, DType dtype, int heads, int kvHeads, int headDim, int tokens, int repeats) {

  /**
   * Tensors per token outside of a schedule's blocks: operands, gradients, reserve for rounding.
   */
  private static final long TENSORS_OF_A_TOKEN = 16;

  /** CPU time for the JIT to compile the kernels, with some reserve for a busy machine. */
  private static final double WARM_UP_SECONDS = 4;

  /** Runs until the kernels are JIT-compiled, so that no pass measures interpreted code. */
  public void warmUp() {
    double spent = 0;
    while (spent < WARM_UP_SECONDS) {
      spent += sharded("ring", 2).meanSeconds() * 2 * (repeats + 1);
    }
  }

  /** Full attention over a row of {@code ranks · tokens}, forward and backward, on one worker. */
  public AttentionResult alone(int ranks) {
    return measure("ring", LayoutKind.CONTIGUOUS, 1, ranks * tokens);
  }

  /** The same over a ring, in the schedule's preferred layout. */
  public AttentionResult sharded(String schedule, int ranks) {
    return measure(schedule, kind(schedule, ranks).layouts().getFirst(), ranks, ranks * tokens);
  }

  /**
   * Predictions of a plan on {@code ranks} workers with these rates: the time of each schedule in
   * the layout of {@link #sharded}, and the plan's own choice.
   */
  public Prediction predict(List<String> schedules, int ranks, Rates rates) {
    RowSchedules all =
        new RowSchedules(model(), new Mesh(1, ranks, 1, 1), Dtypes.name(dtype), "ipc", rates);
    Map<String, Long> micros = new LinkedHashMap<>();
    for (String schedule : schedules) {
      SequenceLayout row = row(kind(schedule, ranks).layouts().getFirst(), ranks);
      micros.put(
          schedule,
          all.choice(LayerKind.FULL, List.of(schedule), row, ActivationPlan.NONE)
              .forecast()
              .micros());
    }
    MeshSpec open = MeshSpec.of(0, 1, ranks, 1, 1);
    LayoutKind order = all.layout(open, ranks * tokens, false).chosen();
    List<String> candidates = new ArrayList<>();
    all.candidates(open.schedule(), order).values().forEach(candidates::addAll);
    ScheduleChoice auto =
        all.choice(LayerKind.FULL, candidates, row(order, ranks), ActivationPlan.NONE);
    return new Prediction(micros, order.key(), auto.chosen());
  }

  /**
   * @param micros of a pass, forward and backward, by schedule
   * @param layout that {@code auto} takes for such rows
   * @param schedule that {@code auto} takes there
   */
  public record Prediction(Map<String, Long> micros, String layout, String schedule) {
    public Prediction {
      micros = Collections.unmodifiableMap(new LinkedHashMap<>(micros));
    }

    /** Predicted seconds of a pass. */
    public double seconds(String of) {
      return requireNonNull(micros.get(of), of) / 1e6;
    }
  }

  private SequenceLayout row(LayoutKind order, int ranks) {
    return Layouts.of(order, new Documents(ranks * tokens), ranks, 1, Layouts.DEFAULT_MIN_CHUNK);
  }

  private ModelSpec model() {
    return new Decoder(
            new EmbeddingSpec(16, heads * headDim), 1, new HeadShape(heads, kvHeads, headDim))
        .mlp(8)
        .spec();
  }

  private ScheduleKind kind(String schedule, int ranks) {
    Mesh mesh = new Mesh(1, ranks, 1, 1);
    return ScheduleKind.of(
        schedule, MessageBytes.ofRow(model().heads().kvHeadOf(), headDim, dtype.bytes(), mesh));
  }

  private AttentionResult measure(String key, LayoutKind order, int ranks, int row) {
    Mesh mesh = new Mesh(1, ranks, 1, 1);
    SequenceLayout layout =
        Layouts.of(order, new Documents(row), ranks, 1, Layouts.DEFAULT_MIN_CHUNK);
    AttentionSchedule schedule = kind(key, ranks).schedule(layout, AttentionMask.CAUSAL);
    List<long[]> nanos;
    try (LocalNetwork network = LocalNetwork.named("loopback", _ -> {}).create(ranks)) {
      nanos = RankThreads.run(ranks, network, t -> rank(t, mesh, layout, schedule));
    }
    long most = 0;
    long sum = 0;
    for (long[] ofRank : nanos) {
      most = Math.max(most, ofRank[0]);
      sum += ofRank[0];
    }
    return new AttentionResult(key, order.key(), ranks, row, most / 1e9, sum / 1e9 / ranks);
  }

  /** Bytes for the data of other ranks, forward and backward. */
  private static long slots(
      Mesh mesh, SequenceLayout layout, AttentionSchedule schedule, int rank, MessageBytes bytes) {
    int ringRank = mesh.place(rank, Axis.RING);
    int[] tokens = layout.ringTokens();
    Program forward = schedule.forward().get(ringRank);
    Program backward = schedule.backward().get(ringRank);
    return new ItemMemory(SchedulePass.FORWARD, forward, ringRank, tokens).bytes(bytes)
        + new ItemMemory(SchedulePass.BACKWARD, backward, ringRank, tokens).bytes(bytes);
  }

  /** Median CPU nanoseconds of a pass, without waits. */
  private long[] rank(
      Transport transport, Mesh mesh, SequenceLayout layout, AttentionSchedule schedule) {
    long own = layout.tokens(transport.rank());
    MessageBytes bytes = new MessageBytes(heads, kvHeads, headDim, dtype.bytes());
    long width = (long) heads * headDim * Float.BYTES;
    long memory =
        slots(mesh, layout, schedule, transport.rank(), bytes)
            + own * width * TENSORS_OF_A_TOKEN
            + (1 << 20);
    try (Arena arena = Arena.ofShared();
        Backend opened = Backends.open(backend, 1, Device.CPU)) {
      MemorySegment slab = arena.allocate(memory, Workspace.ALIGNMENT_BYTES);
      Workspace ws = new Workspace(opened.memory(slab), memory);
      ShardedSequence sequence = new ShardedSequence(transport, mesh, opened, model(), dtype);
      SequenceRow row = sequence.open(layout, Map.of(AttentionMask.CAUSAL, schedule), null, ws);
      SplittableRandom random = new SplittableRandom(transport.rank());
      Tensor q = random(arena, random, own, heads);
      Tensor k = random(arena, random, own, kvHeads);
      Tensor v = random(arena, random, own, kvHeads);
      Tensor dOut = random(arena, random, own, heads);
      Tensor out = Tensors.zeros(arena, dtype, own, heads, headDim);
      Tensor dq = Tensors.zeros(arena, DType.F32, own, heads, headDim);
      Tensor dk = Tensors.zeros(arena, DType.F32, own, kvHeads, headDim);
      Tensor dv = Tensors.zeros(arena, DType.F32, own, kvHeads, headDim);
      float scale = (float) model().heads().scoreScale();
      List<Long> passes = new ArrayList<>();
      for (int pass = 0; pass <= repeats; pass++) {
        long began = workNanos(transport);
        long saved = ws.savedMark();
        Saved kept = row.attention(q, k, v, AttentionMask.CAUSAL, scale, null, out, ws);
        row.backward(kept, null, dOut, dq, dk, dv, ws);
        ws.releaseSaved(saved);
        if (pass > 0) {
          passes.add(workNanos(transport) - began);
        }
      }
      long[] sorted = passes.stream().mapToLong(Long::longValue).sorted().toArray();
      return new long[] {sorted[sorted.length / 2]};
    }
  }

  private static long workNanos(Transport transport) {
    return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime()
        - transport.counters().waitCpuNanos();
  }

  private Tensor random(Arena arena, SplittableRandom random, long tokens, int of) {
    float[] values = new float[Math.toIntExact(tokens * of * headDim)];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextDouble() - 0.5f;
    }
    return Tensors.of(arena, dtype, values, tokens, of, headDim);
  }
}
