package dev.gyre.trainer.sequence;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.Transport;
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
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.AttentionPattern;
import dev.gyre.partitioning.model.Decoder;
import dev.gyre.partitioning.model.EmbeddingSpec;
import dev.gyre.partitioning.model.HeadShape;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.LinearAttentionBytes;
import dev.gyre.trainer.rank.LocalNetwork;
import dev.gyre.trainer.rank.RankThreads;
import java.lang.foreign.Arena;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Compares linear attention of a row over many ranks with the sum over pairs in double: output, dq,
 * dk, dv; and the bytes that every rank sent with the predicted ones.
 */
final class StatePassingTest {
  private static final float[] SLOPES = {1e-5f, 0.02f, 0.3f, 1.5f};

  /** A row, its attention heads, and the ranks that share it. */
  private record Case(
      Documents documents, int heads, int kvHeads, int size, Mesh mesh, LayoutKind kind) {
    ModelSpec model() {
      return new Decoder(new EmbeddingSpec(16, 8), 1, new HeadShape(heads, kvHeads, size))
          .mlp(8)
          .attention(new AttentionPattern(List.of(LayerKind.LINEAR), 0))
          .spec();
    }

    float[] slopes() {
      return java.util.Arrays.copyOf(SLOPES, heads);
    }

    Case onOne() {
      return new Case(documents, heads, kvHeads, size, new Mesh(1, 1, 1, 1), LayoutKind.CONTIGUOUS);
    }
  }

  private static Mesh mesh(int ring, int ulysses) {
    return new Mesh(1, ring, ulysses, 1);
  }

  private static Documents documents(int... lengths) {
    return new Documents(lengths);
  }

  @Test
  void everyMeshAndLayout() {
    int[][] meshes = {
      {1, 1}, {2, 1}, {1, 2}, {3, 1}, {2, 2}, {4, 1}, {5, 1}, {1, 4}, {4, 2}, {8, 1}
    };
    for (int[] m : meshes) {
      for (LayoutKind kind : LayoutKind.values()) {
        for (Documents row : List.of(documents(61), documents(1, 40, 1, 7, 12), documents(3, 1))) {
          check(new Case(row, 4, 2, 6, mesh(m[0], m[1]), kind));
        }
      }
    }
  }

  @Test
  void randomRows() {
    Random random = new Random(41);
    for (int n = 0; n < 60; n++) {
      int kvHeads = 1 + random.nextInt(2);
      Mesh mesh = mesh(1 + random.nextInt(5), 1 + random.nextInt(2));
      LayoutKind kind = LayoutKind.values()[random.nextInt(3)];
      int[] lengths = new int[random.nextInt(7)];
      for (int d = 0; d < lengths.length; d++) {
        lengths[d] = random.nextInt(3) == 0 ? 1 : 1 + random.nextInt(30);
      }
      check(new Case(documents(lengths), 2 * kvHeads, kvHeads, 4, mesh, kind));
    }
  }

  @Test
  void whatTravelsDoesNotGrowWithTheRow() {
    for (int tokens : new int[] {40, 400}) {
      Case c = new Case(documents(tokens), 4, 2, 6, mesh(4, 1), LayoutKind.CONTIGUOUS);
      check(c);
      LinearAttentionLayout layout = layout(c);
      LinearAttentionBytes bytes = LinearAttentionBytes.of(c.model(), 4);
      long sum = 0;
      for (int r = 0; r < 4; r++) {
        sum += bytes.states(layout, r);
        assertEquals(0, bytes.moves(layout, r));
      }
      // Six pairs of ranks, forward and back, 4 heads of 6×6 floats.
      assertEquals(2 * 6 * 4 * 36 * 4, sum);
    }
  }

  /**
   * Byte counts of docs/reference/sequence-parallelism.md; {@link #errors} compares them with those
   * counted in a run.
   */
  @Test
  void bytesOfTheGuide() {
    for (LayoutKind kind : LayoutKind.values()) {
      Case c = new Case(documents(512), 4, 2, 16, mesh(4, 1), kind);
      double[] errors = errors(c, DType.BF16);
      assertTrue(errors[0] < 1e-2, kind + " " + errors[0]);
      LinearAttentionBytes bytes = LinearAttentionBytes.of(c.model(), 2);
      long states = 0;
      long moves = 0;
      for (int r = 0; r < 4; r++) {
        states += bytes.states(layout(c), r);
        moves += bytes.moves(layout(c), r);
      }
      assertEquals(49_152, states, kind::toString);
      assertEquals(kind == LayoutKind.CONTIGUOUS ? 0 : 393_216, moves, kind::toString);
    }
  }

  @Test
  void inBf16NoWorseThanTwiceOneWorker() {
    for (LayoutKind kind : LayoutKind.values()) {
      Case c = new Case(documents(70, 1, 90), 4, 2, 8, mesh(4, 2), kind);
      double[] one = errors(c.onOne(), DType.BF16);
      double[] many = errors(c, DType.BF16);
      for (int i = 0; i < one.length; i++) {
        assertTrue(many[i] <= 2 * one[i] + 1e-6, kind + " " + i + ": " + many[i] + " " + one[i]);
      }
    }
  }

  private static void check(Case c) {
    double[] errors = errors(c, DType.F32);
    for (int i = 0; i < errors.length; i++) {
      assertTrue(errors[i] <= 2e-6, c + ": result " + i + " is off by " + errors[i]);
    }
  }

  private static LinearAttentionLayout layout(Case c) {
    return LinearAttentionLayout.of(sequenceLayout(c));
  }

  private static SequenceLayout sequenceLayout(Case c) {
    return Layouts.of(c.kind, c.documents, c.mesh.ring(), c.mesh.ulysses(), 3);
  }

  /** The same for equal meshes in any JVM, unlike their hash. */
  private static int seed(Mesh mesh) {
    int seed = 0;
    for (int degree : mesh.degrees().values()) {
      seed = 31 * seed + degree;
    }
    return seed;
  }

  /** Largest differences of out, dq, dk, dv, each over the largest expected magnitude. */
  private static double[] errors(Case c, DType dtype) {
    int tokens = c.documents.tokens();
    Random random = new Random(tokens * 31L + seed(c.mesh));
    double[] q = AttentionCheck.random(random, tokens * c.heads * c.size, dtype);
    double[] k = AttentionCheck.random(random, tokens * c.kvHeads * c.size, dtype);
    double[] v = AttentionCheck.random(random, tokens * c.kvHeads * c.size, dtype);
    double[] dOut = AttentionCheck.random(random, tokens * c.heads * c.size, dtype);
    PlainLinear want =
        new PlainLinear(
            c.documents,
            c.slopes(),
            c.model().heads().kvHeadOf(),
            c.kvHeads,
            c.size,
            q,
            k,
            v,
            dOut);
    double[][] inputs = {q, k, v, dOut};
    double[][] got = {
      new double[q.length], new double[q.length], new double[k.length], new double[k.length]
    };
    try (LocalNetwork net = LocalNetwork.loopback(c.mesh.workers(), AttentionCheck.NEVER_BUFFER)) {
      RankThreads.run(c.mesh.workers(), net, t -> rank(t, c, dtype, inputs, got));
    }
    return new double[] {
      error(want.out, got[0]),
      error(want.dq, got[1]),
      error(want.dk, got[2]),
      error(want.dv, got[3])
    };
  }

  private static double error(double[] want, double[] got) {
    double largest = 1e-30;
    double off = 0;
    for (int i = 0; i < want.length; i++) {
      largest = Math.max(largest, Math.abs(want[i]));
      off =
          Double.isNaN(got[i])
              ? Double.POSITIVE_INFINITY
              : Math.max(off, Math.abs(want[i] - got[i]));
    }
    return off / largest;
  }

  private static Boolean rank(
      Transport transport, Case c, DType dtype, double[][] inputs, double[][] got) {
    Mesh mesh = c.mesh;
    try (Arena arena = Arena.ofShared();
        Backend backend = new ScalarBackendProvider().open(1)) {
      SequenceLayout layout = sequenceLayout(c);
      LinearAttentionLayout linear = layout(c);
      List<TokenRange> runs =
          layout.runs(
              mesh.place(transport.rank(), Axis.RING), mesh.place(transport.rank(), Axis.ULYSSES));
      Workspace ws = AttentionCheck.workspace(arena, 1 << 21);
      ShardedSequence sequence = new ShardedSequence(transport, mesh, backend, c.model(), dtype);
      SequenceRow opened = sequence.open(layout, Map.of(), linear, ws);
      Tensor q = AttentionCheck.take(arena, dtype, inputs[0], runs, c.heads, c.size);
      Tensor k = AttentionCheck.take(arena, dtype, inputs[1], runs, c.kvHeads, c.size);
      Tensor v = AttentionCheck.take(arena, dtype, inputs[2], runs, c.kvHeads, c.size);
      Tensor dOut = AttentionCheck.take(arena, dtype, inputs[3], runs, c.heads, c.size);
      Tensor out = Tensors.zeros(arena, dtype, q.dim(0), c.heads, c.size);
      Tensor dq = Tensors.zeros(arena, DType.F32, q.dim(0), c.heads, c.size);
      Tensor dk = Tensors.zeros(arena, DType.F32, q.dim(0), c.kvHeads, c.size);
      Tensor dv = Tensors.zeros(arena, DType.F32, q.dim(0), c.kvHeads, c.size);
      long scratch = ws.scratchMark();
      Saved saved = opened.linearAttention(q, k, v, c.slopes(), out, ws);
      long savedMark = ws.savedMark();
      opened.backward(saved, null, dOut, dq, dk, dv, ws);
      assertEquals(scratch, ws.scratchMark());
      assertEquals(savedMark, ws.savedMark());
      LinearAttentionBytes bytes = LinearAttentionBytes.of(c.model(), dtype.bytes());
      Map<String, Long> sent = transport.counters().bytesSent();
      assertEquals(
          bytes.states(linear, transport.rank()),
          sent.getOrDefault("state", 0L),
          () -> "states " + c);
      assertEquals(
          bytes.moves(linear, transport.rank()), sent.getOrDefault("move", 0L), () -> "moves " + c);
      AttentionCheck.put(out, runs, c.heads * c.size, got[0]);
      AttentionCheck.put(dq, runs, c.heads * c.size, got[1]);
      AttentionCheck.put(dk, runs, c.kvHeads * c.size, got[2]);
      AttentionCheck.put(dv, runs, c.kvHeads * c.size, got[3]);
      return true;
    }
  }
}
