package dev.gyre.trainer.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.local.LocalRow;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.model.port.SinkLogits;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.Balance;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionTile;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Compares attention of a row over many ranks with a plain loop over pairs in double and with one
 * rank: output, dq, dk, dv, the gradient of sink logits; and the bytes that every rank sent with
 * those of the schedule's messages.
 */
final class AttentionCheck {
  private static final String[] TENSORS = {"out", "dq", "dk", "dv", "dSinks"};

  private AttentionCheck() {}

  /**
   * A row and its attention heads.
   *
   * @param scale factor on the products of queries and keys
   * @param sinkLogits whether each head has one
   */
  record Row(
      Documents documents,
      AttentionMask mask,
      int heads,
      int kvHeads,
      int headDim,
      double scale,
      boolean sinkLogits) {
    Row(Documents documents, AttentionMask mask, int heads, int kvHeads, int headDim) {
      this(documents, mask, heads, kvHeads, headDim, 1 / Math.sqrt(headDim), false);
    }

    Row(Documents documents, int window, int heads, int kvHeads, int headDim) {
      this(documents, AttentionMask.window(window), heads, kvHeads, headDim);
    }

    Row withSinkLogits() {
      return new Row(documents, mask, heads, kvHeads, headDim, scale, true);
    }

    Row withScale(double factor) {
      return new Row(documents, mask, heads, kvHeads, headDim, factor, sinkLogits);
    }

    ModelSpec model() {
      return new Decoder(new EmbeddingSpec(16, 8), 1, new HeadShape(heads, kvHeads, headDim))
          .mlp(8)
          .attention(
              new AttentionPattern(
                  List.of(), mask.window(), mask.sinks(), mask.anchor(), mask.prefix()))
          .spec();
    }
  }

  /** What the ranks computed: out, dq, dk, dv by row position, and dSinks by head. */
  record Outcome(PlainAttention want, double[][] got, long sent) {
    double[] want(int tensor) {
      return switch (tensor) {
        case 0 -> want.out;
        case 1 -> want.dq;
        case 2 -> want.dk;
        case 3 -> want.dv;
        default -> want.dSinks;
      };
    }

    /** The relative error {@code ‖got − want‖ / ‖want‖}, where want is the reference in double. */
    double error(int tensor) {
      return distance(got[tensor], want(tensor));
    }
  }

  /** {@code ‖a − b‖ / ‖b‖}; 0 if they are equal. */
  static double distance(double[] a, double[] b) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < b.length; i++) {
      difference += (a[i] - b[i]) * (a[i] - b[i]);
      norm += b[i] * b[i];
    }
    return difference == 0 ? 0 : Math.sqrt(difference / norm);
  }

  static final Options NEVER_BUFFER = Options.plain().withNeverBuffer();

  static void check(Row row, int ring, int ulysses, int minChunk) {
    check(row, new Mesh(1, ring, ulysses, 1), LayoutKind.ZIGZAG, minChunk, DType.F32, NEVER_BUFFER);
  }

  /** Random q, k, v, dO of a row; every rank takes its tokens' part, and all parts are compared. */
  static void check(
      Row row, Mesh mesh, LayoutKind kind, int minChunk, DType dtype, Options network) {
    check(row, mesh, kind, minChunk, dtype, new RingSchedule(), network);
  }

  static void check(
      Row row,
      Mesh mesh,
      LayoutKind kind,
      int minChunk,
      DType dtype,
      ScheduleKind scheduleKind,
      Options network) {
    long sent = sent(row, mesh, kind, minChunk, dtype, scheduleKind, network);
    assertTrue(mesh.degree(Axis.RING, Axis.ULYSSES) > 1 || sent == 0, "one rank sends nothing");
  }

  /**
   * @return bytes that the transports of all ranks counted
   */
  static long sent(
      Row row,
      Mesh mesh,
      LayoutKind kind,
      int minChunk,
      DType dtype,
      ScheduleKind scheduleKind,
      Options network) {
    Outcome outcome = run(row, mesh, kind, minChunk, dtype, scheduleKind, network);
    Outcome alone = alone(row, dtype);
    for (int t = 0; t < TENSORS.length; t++) {
      String what = "%s on %s %s %s %s".formatted(row, mesh, kind, dtype, TENSORS[t]);
      if (dtype == DType.F32) {
        assertClose(what, outcome.want(t), outcome.got[t], 2e-6);
        assertClose(what + " of one rank", alone.got[t], outcome.got[t], 2e-6);
      } else {
        double limit = 2 * alone.error(t) + 1e-7;
        assertTrue(
            outcome.error(t) <= limit, what + ": error " + outcome.error(t) + ", limit " + limit);
      }
    }
    return outcome.sent;
  }

  /** Random q, k, v, dO of a row; every rank takes its tokens' part. */
  static Outcome run(
      Row row,
      Mesh mesh,
      LayoutKind kind,
      int minChunk,
      DType dtype,
      ScheduleKind scheduleKind,
      Options network) {
    Inputs in = Inputs.of(row, dtype);
    SequenceLayout layout = Layouts.of(kind, row.documents, mesh.ring(), mesh.ulysses(), minChunk);
    AttentionSchedule schedule = scheduleKind.schedule(layout, row.mask);
    double[][] got = in.results();
    long sent = 0;
    try (LocalNetwork net = LocalNetwork.loopback(mesh.workers(), network)) {
      for (long ofRank :
          RankThreads.run(
              mesh.workers(), net, t -> rank(t, mesh, row, layout, schedule, dtype, in, got))) {
        sent += ofRank;
      }
    }
    return new Outcome(in.plain(row), got, sent);
  }

  /** The same on a single rank, without a schedule. */
  static Outcome alone(Row row, DType dtype) {
    Inputs in = Inputs.of(row, dtype);
    double[][] got = in.results();
    List<TokenRange> all =
        row.documents.tokens() == 0
            ? List.of()
            : List.of(new TokenRange(0, row.documents.tokens()));
    try (Arena arena = Arena.ofConfined();
        Backend backend = new ScalarBackendProvider().open(1)) {
      LocalRow group =
          new LocalRow(backend.kernels(), row.model().heads().kvHeadOf(), row.documents);
      attend(group, arena, row, dtype, in, all, workspace(arena, 1 << 21), got);
    }
    return new Outcome(in.plain(row), got, 0);
  }

  /**
   * [N,H,D] and [N,K,D], row-major, representable in the compute dtype.
   *
   * @param sinks f32 [H], or empty
   */
  private record Inputs(double[] q, double[] k, double[] v, double[] dOut, double[] sinks) {
    static Inputs of(Row row, DType dtype) {
      int tokens = row.documents.tokens();
      Random random = new Random(tokens * 31L);
      return new Inputs(
          random(random, tokens * row.heads * row.headDim, dtype),
          random(random, tokens * row.kvHeads * row.headDim, dtype),
          random(random, tokens * row.kvHeads * row.headDim, dtype),
          random(random, tokens * row.heads * row.headDim, dtype),
          random(random, row.sinkLogits ? row.heads : 0, DType.F32));
    }

    double[][] results() {
      return new double[][] {
        new double[q.length],
        new double[q.length],
        new double[k.length],
        new double[k.length],
        new double[sinks.length]
      };
    }

    @Nullable SinkLogits sinkLogits(Arena arena) {
      if (sinks.length == 0) {
        return null;
      }
      float[] values = new float[sinks.length];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) sinks[i];
      }
      return new SinkLogits(
          Tensors.of(arena, DType.F32, values, values.length),
          Tensors.zeros(arena, DType.F32, values.length));
    }

    PlainAttention plain(Row row) {
      return new PlainAttention(
          row.documents,
          row.mask,
          row.model().heads().kvHeadOf(),
          row.kvHeads,
          row.headDim,
          row.scale,
          sinks,
          q,
          k,
          v,
          dOut);
    }
  }

  private static long rank(
      Transport transport,
      Mesh mesh,
      Row row,
      SequenceLayout layout,
      AttentionSchedule schedule,
      DType dtype,
      Inputs in,
      double[][] got) {
    try (Arena arena = Arena.ofShared();
        Backend backend = new ScalarBackendProvider().open(1)) {
      int ringRank = mesh.place(transport.rank(), Axis.RING);
      AttentionMeter meter = new AttentionMeter(backend);
      Workspace ws = workspace(arena, 1 << 21);
      ShardedSequence sequence =
          new ShardedSequence(transport, mesh, meter.backend(), row.model(), dtype);
      SequenceRow opened = sequence.open(layout, Map.of(row.mask(), schedule), null, ws);
      List<TokenRange> runs = layout.runs(ringRank, mesh.place(transport.rank(), Axis.ULYSSES));
      attend(opened, arena, row, dtype, in, runs, ws, got);
      Map<String, Long> counted = transport.counters().bytesSent();
      assertEquals(
          foretold(transport.rank(), mesh, row, schedule, dtype),
          counted.getOrDefault("ring", 0L),
          () -> "bytes of rank " + transport.rank() + " on " + mesh + " with " + schedule.kind());
      long pairs = Balance.of(layout, schedule).pairs().get(ringRank);
      assertEquals(pairs, meter.forwardPairs(), "pairs of ring rank " + ringRank);
      assertEquals(schedulePairs(schedule.backward().get(ringRank)), meter.backwardPairs());
      double[] sums = {transport.rank(), 1};
      opened.sumOverRow(sums);
      int ranks = mesh.degree(Axis.RING, Axis.ULYSSES);
      assertEquals(ranks * (ranks - 1) / 2.0, sums[0]);
      assertEquals(ranks, sums[1]);
      return counted.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  private static void attend(
      SequenceRow group,
      Arena arena,
      Row row,
      DType dtype,
      Inputs in,
      List<TokenRange> runs,
      Workspace ws,
      double[][] got) {
    int qWidth = row.heads * row.headDim;
    int kWidth = row.kvHeads * row.headDim;
    Tensor q = take(arena, dtype, in.q, runs, row.heads, row.headDim);
    Tensor k = take(arena, dtype, in.k, runs, row.kvHeads, row.headDim);
    Tensor v = take(arena, dtype, in.v, runs, row.kvHeads, row.headDim);
    Tensor dOut = take(arena, dtype, in.dOut, runs, row.heads, row.headDim);
    Tensor out = Tensors.zeros(arena, dtype, q.dim(0), row.heads, row.headDim);
    Tensor dq = Tensors.zeros(arena, DType.F32, q.dim(0), row.heads, row.headDim);
    Tensor dk = Tensors.zeros(arena, DType.F32, q.dim(0), row.kvHeads, row.headDim);
    Tensor dv = Tensors.zeros(arena, DType.F32, q.dim(0), row.kvHeads, row.headDim);
    long scratch = ws.scratchMark();
    SinkLogits sinks = in.sinkLogits(arena);
    Saved saved = group.attention(q, k, v, row.mask(), (float) row.scale, sinks, out, ws);
    long savedMark = ws.savedMark();
    group.backward(saved, sinks, dOut, dq, dk, dv, ws);
    assertEquals(scratch, ws.scratchMark());
    assertEquals(savedMark, ws.savedMark());
    put(out, runs, qWidth, got[0]);
    put(dq, runs, qWidth, got[1]);
    put(dk, runs, kWidth, got[2]);
    put(dv, runs, kWidth, got[3]);
    if (sinks != null) {
      addAll(Tensors.toDoubles(sinks.gradient()), got[4]);
    }
  }

  /** The gradient of sink logits is a sum over the ranks. */
  private static void addAll(double[] ofRank, double[] sum) {
    synchronized (sum) {
      for (int i = 0; i < sum.length; i++) {
        sum[i] += ofRank[i];
      }
    }
  }

  private static long schedulePairs(AttentionSchedule.Program program) {
    return program.steps().stream()
        .flatMap(step -> step.work().stream())
        .flatMap(work -> work.tiles().stream())
        .mapToLong(AttentionTile::area)
        .sum();
  }

  private static long foretold(
      int rank, Mesh mesh, Row row, AttentionSchedule schedule, DType dtype) {
    HeadSplit.Part part =
        HeadSplit.of(row.model().heads().kvHeadOf(), mesh)
            .parts()
            .get(mesh.place(rank, Axis.ULYSSES));
    MessageBytes bytes =
        new MessageBytes(part.queryHeads(), part.kvHeads(), row.headDim, dtype.bytes());
    int ringRank = mesh.place(rank, Axis.RING);
    return bytes.sent(schedule.forward().get(ringRank))
        + bytes.sent(schedule.backward().get(ringRank));
  }

  static Workspace workspace(Arena arena, long bytes) {
    MemorySegment memory = arena.allocate(bytes, Workspace.ALIGNMENT_BYTES);
    memory.fill((byte) 0xFF); // NaN wherever something is read before it is written
    return new Workspace(memory.address(), bytes);
  }

  static double[] random(Random random, int n, DType dtype) {
    double[] x = new double[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    if (dtype == DType.BF16) {
      try (Arena arena = Arena.ofConfined()) {
        float[] floats = new float[n];
        for (int i = 0; i < n; i++) {
          floats[i] = (float) x[i];
        }
        return Tensors.toDoubles(Tensors.of(arena, DType.BF16, floats, n));
      }
    }
    return x;
  }

  static Tensor take(
      Arena arena, DType dtype, double[] all, List<TokenRange> runs, int heads, int headDim) {
    int tokens = runs.stream().mapToInt(TokenRange::length).sum();
    int width = heads * headDim;
    float[] mine = new float[tokens * width];
    int at = 0;
    for (TokenRange run : runs) {
      for (int i = run.start() * width; i < run.end() * width; i++) {
        mine[at++] = (float) all[i];
      }
    }
    return Tensors.of(arena, dtype, mine, tokens, heads, headDim);
  }

  static void put(Tensor mine, List<TokenRange> runs, int width, double[] all) {
    double[] values = Tensors.toDoubles(mine);
    int at = 0;
    for (TokenRange run : runs) {
      System.arraycopy(values, at, all, run.start() * width, run.length() * width);
      at += run.length() * width;
    }
  }

  private static void assertClose(String what, double[] want, double[] got, double tolerance) {
    double largest = 0;
    for (double x : want) {
      largest = Math.max(largest, Math.abs(x));
    }
    for (int i = 0; i < want.length; i++) {
      double limit = tolerance * Math.max(1, largest);
      if (!(Math.abs(want[i] - got[i]) <= limit)) {
        throw new AssertionError(
            "%s [%d]: wanted %s, got %s, limit %s".formatted(what, i, want[i], got[i], limit));
      }
    }
  }
}
