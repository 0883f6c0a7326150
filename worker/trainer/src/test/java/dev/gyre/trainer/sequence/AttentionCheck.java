package dev.gyre.trainer.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.ScalarBackendProvider;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceGroup.Saved;
import dev.gyre.partitioning.job.AttentionPattern;
import dev.gyre.partitioning.job.ModelSpec;
import dev.gyre.partitioning.layout.AttentionMask;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.Run;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule;
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

/**
 * Attention of a row over many ranks against a plain loop over pairs in double: output, dq, dk, dv,
 * and the bytes that every rank sent against those of the schedule's messages.
 */
final class AttentionCheck {
  private AttentionCheck() {}

  /** A row and the heads that look at it. */
  record Row(Documents documents, int window, int heads, int kvHeads, int headDim) {
    AttentionMask mask() {
      return AttentionMask.window(window);
    }

    ModelSpec model() {
      return new ModelSpec(
          "llama",
          16,
          8,
          1,
          heads,
          kvHeads,
          headDim,
          8,
          0,
          1,
          1e-5,
          1e4,
          false,
          AttentionPattern.sliding(window),
          List.of(),
          0);
    }
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
    assertTrue(mesh.rowRanks() > 1 || sent == 0, "one rank sends nothing");
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
    int tokens = row.documents.tokens();
    Random random = new Random(tokens * 31L + mesh.hashCode());
    double[] q = random(random, tokens * row.heads * row.headDim, dtype);
    double[] k = random(random, tokens * row.kvHeads * row.headDim, dtype);
    double[] v = random(random, tokens * row.kvHeads * row.headDim, dtype);
    double[] dOut = random(random, tokens * row.heads * row.headDim, dtype);
    PlainAttention want =
        new PlainAttention(
            row.documents,
            row.window,
            row.model().kvHeadOf(),
            row.kvHeads,
            row.headDim,
            q,
            k,
            v,
            dOut);
    SequenceLayout layout = Layouts.of(kind, row.documents, mesh.ring(), mesh.ulysses(), minChunk);
    AttentionSchedule schedule = scheduleKind.schedule(layout, row.mask());
    double[][] got = {
      new double[q.length], new double[q.length], new double[k.length], new double[k.length]
    };
    long sent = 0;
    try (LocalNetwork net = LocalNetwork.loopback(mesh.workers(), network)) {
      for (long ofRank :
          RankThreads.run(
              mesh.workers(),
              net,
              t -> rank(t, mesh, row, layout, schedule, dtype, q, k, v, dOut, got))) {
        sent += ofRank;
      }
    }
    String what = row + " on " + mesh + " " + dtype;
    double tolerance = dtype == DType.F32 ? 2e-6 : 2e-2;
    assertClose(what + " out", want.out, got[0], tolerance);
    assertClose(what + " dq", want.dq, got[1], tolerance);
    assertClose(what + " dk", want.dk, got[2], tolerance);
    assertClose(what + " dv", want.dv, got[3], tolerance);
    return sent;
  }

  private static long rank(
      Transport transport,
      Mesh mesh,
      Row row,
      SequenceLayout layout,
      AttentionSchedule schedule,
      DType dtype,
      double[] q,
      double[] k,
      double[] v,
      double[] dOut,
      double[][] got) {
    try (Arena arena = Arena.ofShared();
        Backend backend = new ScalarBackendProvider().open(1)) {
      List<Run> runs =
          layout.runs(mesh.ringRank(transport.rank()), mesh.ulyssesRank(transport.rank()));
      Workspace ws = workspace(arena, 1 << 21);
      ShardedSequence sequence = new ShardedSequence(transport, mesh, backend, row.model(), dtype);
      sequence.begin(layout, Map.of(row.mask(), schedule), ws);
      int qWidth = row.heads * row.headDim;
      int kWidth = row.kvHeads * row.headDim;
      Tensor mineQ = take(arena, dtype, q, runs, row.heads, row.headDim);
      Tensor mineK = take(arena, dtype, k, runs, row.kvHeads, row.headDim);
      Tensor mineV = take(arena, dtype, v, runs, row.kvHeads, row.headDim);
      Tensor mineDOut = take(arena, dtype, dOut, runs, row.heads, row.headDim);
      Tensor out = Tensors.zeros(arena, dtype, mineQ.dim(0), row.heads, row.headDim);
      Tensor dq = Tensors.zeros(arena, DType.F32, mineQ.dim(0), row.heads, row.headDim);
      Tensor dk = Tensors.zeros(arena, DType.F32, mineQ.dim(0), row.kvHeads, row.headDim);
      Tensor dv = Tensors.zeros(arena, DType.F32, mineQ.dim(0), row.kvHeads, row.headDim);
      long scratch = ws.scratchMark();
      Saved saved = sequence.attention(mineQ, mineK, mineV, row.mask(), out, ws);
      long savedMark = ws.savedMark();
      sequence.backward(saved, mineDOut, dq, dk, dv, ws);
      Map<String, Long> counted = transport.counters().bytesSent();
      assertEquals(
          foretold(transport.rank(), mesh, row, schedule, dtype),
          counted.getOrDefault("ring", 0L),
          () -> "bytes of rank " + transport.rank() + " on " + mesh + " with " + schedule.kind());
      assertEquals(scratch, ws.scratchMark());
      assertEquals(savedMark, ws.savedMark());
      put(out, runs, qWidth, got[0]);
      put(dq, runs, qWidth, got[1]);
      put(dk, runs, kWidth, got[2]);
      put(dv, runs, kWidth, got[3]);
      double[] sums = {transport.rank(), 1};
      sequence.sumOverRow(sums);
      int ranks = mesh.rowRanks();
      assertEquals(ranks * (ranks - 1) / 2.0, sums[0]);
      assertEquals(ranks, sums[1]);
      return counted.values().stream().mapToLong(Long::longValue).sum();
    }
  }

  private static long foretold(
      int rank, Mesh mesh, Row row, AttentionSchedule schedule, DType dtype) {
    HeadSplit.Part part =
        HeadSplit.of(row.model().kvHeadOf(), mesh).parts().get(mesh.ulyssesRank(rank));
    MessageBytes bytes =
        new MessageBytes(part.queryHeads(), part.kvHeads(), row.headDim, dtype.bytes());
    int ringRank = mesh.ringRank(rank);
    return bytes.sent(schedule.forward().get(ringRank))
        + bytes.sent(schedule.backward().get(ringRank));
  }

  static Workspace workspace(Arena arena, long bytes) {
    MemorySegment memory = arena.allocate(bytes, Workspace.ALIGNMENT_BYTES);
    memory.fill((byte) 0xFF); // NaN wherever something is read before it is written
    return new Workspace(memory.address(), bytes);
  }

  private static double[] random(Random random, int n, DType dtype) {
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

  private static Tensor take(
      Arena arena, DType dtype, double[] all, List<Run> runs, int heads, int headDim) {
    int tokens = runs.stream().mapToInt(Run::length).sum();
    int width = heads * headDim;
    float[] mine = new float[tokens * width];
    int at = 0;
    for (Run run : runs) {
      for (int i = run.start() * width; i < run.end() * width; i++) {
        mine[at++] = (float) all[i];
      }
    }
    return Tensors.of(arena, dtype, mine, tokens, heads, headDim);
  }

  private static void put(Tensor mine, List<Run> runs, int width, double[] all) {
    double[] values = Tensors.toDoubles(mine);
    int at = 0;
    for (Run run : runs) {
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
