package dev.gyre.trainer.sequence;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
import dev.gyre.comms.loopback.LoopbackNetwork.Options;
import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.model.port.SequenceRow.Saved;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.RingSchedule;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import dev.gyre.trainer.sequence.AttentionCheck.Row;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * The communication of a hop overlaps with the compute of the hop before. Kernels run on a fake
 * device that is busy in proportion to its pairs and computes nothing, so that the ranks share no
 * core. The network is the loopback with a link rate that makes the transfers of one hop take 0.8
 * of its compute. So this shows what the engine and the transport's progress thread overlap, in
 * real time with real threads. It does not show what a core can do that runs both kernels and
 * copies.
 */
final class OverlapTest {
  private static final int RANKS = 8;
  private static final int TOKENS = 1024 * RANKS;
  private static final int HEADS = 2;
  private static final int HEAD_DIM = 16;

  /** Compute time of one hop forward; backward takes twice as long, and sends twice as much. */
  private static final long HOP_NANOS = 100_000_000;

  private static final double TRANSFER_SHARE = 0.8;
  private static final Row ROW = new Row(new Documents(TOKENS), 0, HEADS, HEADS, HEAD_DIM);
  private static final Mesh MESH = new Mesh(1, RANKS, 1, 1);

  private record Timed(long nanos, long kernelNanos, long bytes) {}

  @Test
  void transfersTravelUnderTheHopBeforeThem() {
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, ROW.documents(), RANKS, 1, 64);
    AttentionSchedule schedule = new RingSchedule().schedule(layout, AttentionMask.CAUSAL);
    long hopBytes = 2L * (TOKENS / RANKS) * HEADS * HEAD_DIM * Float.BYTES;
    long bytesPerSecond = (long) (hopBytes / (TRANSFER_SHARE * HOP_NANOS / 1e9));

    slowest(layout, schedule, 0, 0, ScheduleEngine.Overlap.ON); // to load classes
    Timed on = slowest(layout, schedule, HOP_NANOS, bytesPerSecond, ScheduleEngine.Overlap.ON);
    Timed off = slowest(layout, schedule, HOP_NANOS, bytesPerSecond, ScheduleEngine.Overlap.OFF);

    double communication = (double) on.bytes / bytesPerSecond * 1e9;
    double most = Math.max(on.kernelNanos, communication);
    String figures = "on %s, off %s, communication %.0f ns".formatted(on, off, communication);
    // The slowest rank computes 8 hops forward and 16 such backward, and sends for 0.8 of that
    // time.
    assertTrue(on.kernelNanos > 20 * HOP_NANOS, figures);
    assertTrue(communication > 0.6 * on.kernelNanos, figures);
    assertTrue(on.nanos <= 1.15 * most, figures);
    assertTrue(off.nanos >= 1.5 * on.nanos, figures);
  }

  /** The ranks' longest time, kernel time and bytes. */
  private static Timed slowest(
      SequenceLayout layout,
      AttentionSchedule schedule,
      long hopNanos,
      long bytesPerSecond,
      ScheduleEngine.Overlap overlap) {
    Options link = Options.plain().withBytesPerSecond(bytesPerSecond);
    try (LocalNetwork network = LocalNetwork.loopback(RANKS, link)) {
      List<Timed> ranks =
          RankThreads.run(RANKS, network, t -> timed(t, layout, schedule, hopNanos, overlap));
      return new Timed(
          ranks.stream().mapToLong(Timed::nanos).max().orElseThrow(),
          ranks.stream().mapToLong(Timed::kernelNanos).max().orElseThrow(),
          ranks.stream().mapToLong(Timed::bytes).max().orElseThrow());
    }
  }

  private static Timed timed(
      Transport transport,
      SequenceLayout layout,
      AttentionSchedule schedule,
      long hopNanos,
      ScheduleEngine.Overlap overlap) {
    long pairsPerHop = (long) (TOKENS / RANKS) * (TOKENS / RANKS) / 2;
    try (Arena arena = Arena.ofShared();
        BusyDevice device = new BusyDevice((double) hopNanos / pairsPerHop)) {
      Workspace ws = AttentionCheck.workspace(arena, 8L << 20);
      ShardedSequence sequence =
          new ShardedSequence(transport, MESH, device, ROW.model(), DType.F32, overlap);
      SequenceRow opened = sequence.open(layout, Map.of(AttentionMask.CAUSAL, schedule), null, ws);
      int tokens = layout.tokens(transport.rank());
      Tensor x = Tensors.zeros(arena, DType.F32, tokens, HEADS, HEAD_DIM);
      Tensor out = Tensors.zeros(arena, DType.F32, tokens, HEADS, HEAD_DIM);
      Tensor dq = Tensors.zeros(arena, DType.F32, tokens, HEADS, HEAD_DIM);
      Tensor dk = Tensors.zeros(arena, DType.F32, tokens, HEADS, HEAD_DIM);
      Tensor dv = Tensors.zeros(arena, DType.F32, tokens, HEADS, HEAD_DIM);
      opened.sumOverRow(new double[1]); // all ranks start together
      long start = System.nanoTime();
      Saved saved = opened.attention(x, x, x, AttentionMask.CAUSAL, 0.5f, null, out, ws);
      opened.backward(saved, null, x, dq, dk, dv, ws);
      long nanos = System.nanoTime() - start;
      long bytes = transport.counters().bytesSent().getOrDefault("ring", 0L);
      return new Timed(nanos, device.busyNanos(), bytes);
    }
  }

  /** Overlap changes when data is sent, but never the results. */
  @Test
  void bitsDoNotDependOnOverlap() {
    Row row = new Row(new Documents(2100, 41), 0, 4, 2, 8);
    Mesh mesh = new Mesh(1, 3, 1, 1);
    float[][] on = outputs(row, mesh, ScheduleEngine.Overlap.ON);
    float[][] off = outputs(row, mesh, ScheduleEngine.Overlap.OFF);
    for (int i = 0; i < on.length; i++) {
      assertArrayEquals(on[i], off[i]);
    }
  }

  /** Output and gradients of every rank, one after another. */
  private static float[][] outputs(Row row, Mesh mesh, ScheduleEngine.Overlap overlap) {
    SequenceLayout layout = Layouts.of(LayoutKind.ZIGZAG, row.documents(), mesh.ring(), 1, 2);
    AttentionSchedule schedule = new RingSchedule().schedule(layout, AttentionMask.CAUSAL);
    try (LocalNetwork network = LocalNetwork.loopback(mesh.workers(), Options.plain())) {
      return RankThreads.run(
              mesh.workers(), network, t -> outputs(t, row, mesh, layout, schedule, overlap))
          .toArray(new float[0][]);
    }
  }

  private static float[] outputs(
      Transport transport,
      Row row,
      Mesh mesh,
      SequenceLayout layout,
      AttentionSchedule schedule,
      ScheduleEngine.Overlap overlap) {
    try (Arena arena = Arena.ofShared();
        Backend backend = new ScalarBackendProvider().open(1)) {
      Workspace ws = AttentionCheck.workspace(arena, 8L << 20);
      ShardedSequence sequence =
          new ShardedSequence(transport, mesh, backend, row.model(), DType.F32, overlap);
      SequenceRow opened = sequence.open(layout, Map.of(AttentionMask.CAUSAL, schedule), null, ws);
      int tokens = layout.tokens(transport.rank());
      int rank = transport.rank();
      Tensor q = waves(arena, rank, tokens, row.heads(), row.headDim());
      Tensor k = waves(arena, rank + 10, tokens, row.kvHeads(), row.headDim());
      Tensor v = waves(arena, rank + 20, tokens, row.kvHeads(), row.headDim());
      Tensor out = Tensors.zeros(arena, DType.F32, tokens, row.heads(), row.headDim());
      Tensor dq = Tensors.zeros(arena, DType.F32, tokens, row.heads(), row.headDim());
      Tensor dk = Tensors.zeros(arena, DType.F32, tokens, row.kvHeads(), row.headDim());
      Tensor dv = Tensors.zeros(arena, DType.F32, tokens, row.kvHeads(), row.headDim());
      Saved saved = opened.attention(q, k, v, AttentionMask.CAUSAL, 0.5f, null, out, ws);
      opened.backward(saved, null, q, dq, dk, dv, ws);
      float[] all = new float[(int) (out.elements() + 2 * dk.elements() + dq.elements())];
      int at = 0;
      for (Tensor t : List.of(out, dq, dk, dv)) {
        for (double x : Tensors.toDoubles(t)) {
          all[at++] = (float) x;
        }
      }
      return all;
    }
  }

  private static Tensor waves(Arena arena, int seed, int tokens, int heads, int headDim) {
    float[] values = new float[tokens * heads * headDim];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) Math.sin(seed + 0.37 * i);
    }
    return Tensors.of(arena, DType.F32, values, tokens, heads, headDim);
  }

  /** The number of pairs in the tiles, by counting them. */
  static long pairs(AttentionTiles tiles) {
    long pairs = 0;
    for (int n = 0; n < tiles.count(); n++) {
      for (int i = 0; i < tiles.queryCount(n); i++) {
        long first = Math.max(0, (long) i - tiles.maxDelta(n));
        long end = Math.min(tiles.keyCount(n), (long) i - tiles.minDelta(n) + 1);
        pairs += Math.max(0, end - first);
      }
    }
    return pairs;
  }
}
