package dev.gyre.kernels.conformance;

import static dev.gyre.kernels.AttentionTiles.UNLIMITED;

import dev.gyre.kernels.AttentionTiles;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Attention forward, merging, sinks, delta. */
final class AttentionChecks {
  /** One shape of a call: tokens, heads and the tiles to compute. */
  record Shape(
      String name,
      int queries,
      int keys,
      int[] kvHeadOf,
      int kvHeads,
      int size,
      AttentionTiles tiles) {
    Tensor queryLike(Case c, DType type, double deviation) {
      return c.normal(type, deviation, queries, kvHeadOf.length, size);
    }

    Tensor keyLike(Case c, DType type, double deviation) {
      return c.normal(type, deviation, keys, kvHeads, size);
    }

    float scale() {
      return (float) (1 / Math.sqrt(size));
    }
  }

  static final int[] ONE_HEAD = {0};
  private static final int[] GROUPED = {0, 0, 1};

  /** Heads as on a rank of an uneven head split: runs of unequal length, one head unused. */
  static final int[] UNEVEN = {0, 2, 2, 2, 3};

  private AttentionChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (Shape s : shapes()) {
      checks.add(new Check("attention " + s.name, dtype, c -> forward(c, s)));
    }
    for (Shape s : HiddenValues.shapes()) {
      checks.add(new Check("attention of hidden " + s.name, dtype, c -> hidden(c, s)));
    }
    checks.add(new Check("attention in several calls", dtype, AttentionChecks::severalCalls));
    checks.add(new Check("attention with scores to 1e4", dtype, AttentionChecks::largeScores));
    for (int size : new int[] {1, 15, 16, 17, 24, 31, 64, 250}) {
      checks.add(new Check("attentionMerge D=" + size, dtype, c -> merge(c, size)));
      checks.add(new Check("attentionDelta D=" + size, dtype, c -> delta(c, size)));
      checks.add(new Check("attentionSinks D=" + size, dtype, c -> sinks(c, size)));
    }
    for (int heads : Conformance.SIZES) {
      for (int rows : new int[] {0, 1, 17, 300}) {
        checks.add(
            new Check(
                "attentionSinks backward T=" + rows + " H=" + heads,
                dtype,
                c -> sinksBackward(c, rows, heads)));
      }
    }
  }

  static List<Shape> shapes() {
    List<Shape> shapes = new ArrayList<>();
    for (int n : new int[] {1, 2, 15, 16, 17, 33, 64, 65, 127, 129, 200}) {
      shapes.add(new Shape("causal " + n, n, n, GROUPED, 2, 16, one(n, n, 0, UNLIMITED)));
    }
    // More than one block of the CPU backends in both dimensions.
    shapes.add(new Shape("causal 521", 521, 521, GROUPED, 2, 16, one(521, 521, 0, UNLIMITED)));
    shapes.add(band("window 300 of 613", 613, 613, 0, 299));
    for (int size : new int[] {1, 2, 7, 10, 15, 16, 17, 24, 32, 48, 64, 80, 128, 256}) {
      shapes.add(
          new Shape("causal D=" + size, 70, 70, GROUPED, 2, size, one(70, 70, 0, UNLIMITED)));
    }
    shapes.add(full(1, 1));
    shapes.add(full(17, 33));
    shapes.add(full(130, 5));
    shapes.add(full(3, 261));
    shapes.add(full(0, 9));
    shapes.add(full(9, 0));
    shapes.add(band("sees 7 ahead", 40, 50, -7, UNLIMITED));
    shapes.add(band("first 5 queries see nothing", 40, 50, 5, UNLIMITED));
    shapes.add(band("nothing visible", 20, 20, 1000, UNLIMITED));
    shapes.add(band("nothing visible, other side", 20, 20, -UNLIMITED, -1000));
    shapes.add(band("last keys only, far offset", 70, 300, -290, -230));
    shapes.add(band("itself only", 90, 90, 0, 0));
    shapes.add(band("window 16", 150, 150, 0, 15));
    shapes.add(band("window 100", 300, 300, 0, 99));
    shapes.add(band("window of an earlier chunk", 64, 64, -UNLIMITED, -32));
    shapes.add(band("no upper keys", 66, 131, -UNLIMITED, 40));
    shapes.add(new Shape("no tiles", 9, 9, ONE_HEAD, 1, 16, AttentionTiles.EMPTY));
    shapes.add(new Shape("uneven heads", 37, 37, UNEVEN, 5, 32, one(37, 37, 0, UNLIMITED)));
    shapes.add(
        new Shape(
            "packed documents",
            100,
            100,
            GROUPED,
            2,
            24,
            new AttentionTiles.Builder()
                .add(0, 1, 0, 1, 0, UNLIMITED)
                .add(1, 20, 1, 20, 0, UNLIMITED)
                .add(21, 79, 21, 79, 0, UNLIMITED)
                .build()));
    shapes.add(
        new Shape(
            "tiles that share queries",
            90,
            140,
            UNEVEN,
            4,
            32,
            new AttentionTiles.Builder()
                .add(10, 70, 0, 40, -UNLIMITED, UNLIMITED)
                .add(10, 70, 40, 70, 0, UNLIMITED)
                .add(60, 30, 110, 30, 0, 20)
                .add(5, 0, 3, 0, 0, 0)
                .add(5, 3, 3, 0, 0, 0)
                .build()));
    return shapes;
  }

  private static Shape full(int queries, int keys) {
    return new Shape(
        "full " + queries + "x" + keys,
        queries,
        keys,
        GROUPED,
        2,
        32,
        one(queries, keys, -UNLIMITED, UNLIMITED));
  }

  private static Shape band(String name, int queries, int keys, int minDelta, int maxDelta) {
    return new Shape(name, queries, keys, ONE_HEAD, 1, 16, one(queries, keys, minDelta, maxDelta));
  }

  static AttentionTiles one(int queries, int keys, int minDelta, int maxDelta) {
    return new AttentionTiles.Builder().add(0, queries, 0, keys, minDelta, maxDelta).build();
  }

  /**
   * With BF16, weights p may be rounded to BF16 before the product with v: 2⁻⁹ of the largest each.
   */
  private static double outBound(DType dtype) {
    return dtype == DType.BF16 ? 5e-3 : 5e-6;
  }

  private static double lseBound(DType dtype) {
    return dtype == DType.BF16 ? 1e-4 : 2e-6;
  }

  private static void forward(Case c, Shape s) {
    Tensor q = s.queryLike(c, c.dtype(), 1.5);
    Tensor k = s.keyLike(c, c.dtype(), 1.5);
    Tensor v = s.keyLike(c, c.dtype(), 1);
    forward(c, s, q, k, v);
  }

  /** Keys that no query may see, and queries that see nothing, hold NaN and infinities. */
  private static void hidden(Case c, Shape s) {
    Tensor q = s.queryLike(c, c.dtype(), 1.5);
    Tensor k = s.keyLike(c, c.dtype(), 1.5);
    Tensor v = s.keyLike(c, c.dtype(), 1);
    HiddenValues hidden = HiddenValues.of(s);
    hidden.poisonQueries(c, q);
    hidden.poisonKeys(c, k);
    hidden.poisonKeys(c, v);
    forward(c, s, q, k, v);
  }

  private static void forward(Case c, Shape s, Tensor q, Tensor k, Tensor v) {
    c.input(q);
    c.input(k);
    c.input(v);
    Tensor out = c.filled(DType.F32, 0, s.queries, s.kvHeadOf.length, s.size);
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, s.queries, s.kvHeadOf.length);
    c.kernels().attention(q, k, v, s.kvHeadOf, s.tiles, s.scale(), out, lse);
    c.output("out", out, outBound(c.dtype()));
    c.output("lse", lse, lseBound(c.dtype()));
  }

  /**
   * The twin gets all keys in one tile; the backend gets them in three calls, as in a ring's hops.
   */
  private static void severalCalls(Case c) {
    int n = 150;
    Shape s = new Shape("", n, n, GROUPED, 2, 32, one(n, n, 0, UNLIMITED));
    Tensor q = c.input(s.queryLike(c, c.dtype(), 2));
    Tensor k = c.input(s.keyLike(c, c.dtype(), 2));
    Tensor v = c.input(s.keyLike(c, c.dtype(), 1));
    Tensor out = c.filled(DType.F32, 0, n, 3, 32);
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, n, 3);
    if (c.reference()) {
      c.kernels().attention(q, k, v, s.kvHeadOf, s.tiles, s.scale(), out, lse);
    } else {
      int[] ends = {0, 90, 97, 150};
      for (int part : new int[] {1, 2, 0}) {
        int from = ends[part];
        int count = ends[part + 1] - from;
        AttentionTiles tiles = one(n, count, from, UNLIMITED);
        c.kernels()
            .attention(
                q,
                k.slice(from, count),
                v.slice(from, count),
                s.kvHeadOf,
                tiles,
                s.scale(),
                out,
                lse);
      }
    }
    c.output("out", out, outBound(c.dtype()));
    c.output("lse", lse, lseBound(c.dtype()));
  }

  /** Scores are whole multiples of 64 up to about 1e4, exact in every dtype, and overflow exp. */
  private static void largeScores(Case c) {
    int n = 40;
    Shape s = new Shape("", n, n, ONE_HEAD, 1, 16, one(n, n, 0, UNLIMITED));
    Tensor q = c.input(wholeNumbers(c, 8, n, 1, 16));
    Tensor k = c.input(wholeNumbers(c, 8, n, 1, 16));
    Tensor v = c.input(s.keyLike(c, c.dtype(), 1));
    Tensor out = c.filled(DType.F32, 0, n, 1, 16);
    Tensor lse = c.filled(DType.F32, Float.NEGATIVE_INFINITY, n, 1);
    c.kernels().attention(q, k, v, s.kvHeadOf, s.tiles, 64, out, lse);
    c.output("out", out, outBound(c.dtype()));
    c.output("lse", lse, lseBound(c.dtype()));
  }

  static Tensor wholeNumbers(Case c, int limit, long... dims) {
    float[] values = new float[(int) (dims[0] * dims[1] * dims[2])];
    for (int i = 0; i < values.length; i++) {
      values[i] = c.random().nextInt(-limit, limit + 1);
    }
    return c.of(c.dtype(), values, dims);
  }

  private static void merge(Case c, int size) {
    float none = Float.NEGATIVE_INFINITY;
    float[] a = {none, none, 1, 2, -3, 10000, -10000, 0.5f};
    float[] b = {none, 3, none, 2, 5, 9000, -10001, 0.25f};
    Tensor outB = c.normal(DType.F32, 1, 4, 2, size);
    Tensor out = c.normal(DType.F32, 1, 4, 2, size);
    c.twin().fill(outB.reshape(8, size).slice(0, 1), 0);
    c.twin().fill(out.reshape(8, size).slice(0, 2), 0);
    c.twin().fill(outB.reshape(8, size).slice(2, 1), 0);
    Tensor lseB = c.input(c.of(DType.F32, b, 4, 2));
    Tensor lse = c.of(DType.F32, a, 4, 2);
    c.kernels().attentionMerge(c.input(outB), lseB, out, lse);
    c.output("out", out, 2e-6);
    c.output("lse", lse, 2e-7);
    Tensor nothing = c.filled(DType.F32, 0, 0, 2, size);
    Tensor nothingLse = c.filled(DType.F32, 0, 0, 2);
    c.kernels().attentionMerge(nothing, nothingLse, nothing, nothingLse);
  }

  /** Rows that saw no key, sinks of no weight and of all weight, and scores that overflow exp. */
  private static void sinks(Case c, int size) {
    float none = Float.NEGATIVE_INFINITY;
    float[] sink = {0.5f, -1e4f, 1e4f, none};
    float[] lse = {none, none, none, none, 1, 2, -3, 0.5f, 9999, -9999, 9999, -1e4f};
    Tensor out = c.normal(DType.F32, 1, 3, 4, size);
    c.twin().fill(out.get(0), 0);
    Tensor lses = c.of(DType.F32, lse, 3, 4);
    c.kernels().attentionSinks(c.input(c.of(DType.F32, sink, 4)), out, lses);
    c.output("out", out, 2e-6);
    c.output("lse", lses, 2e-7);
    Tensor more = c.normal(DType.F32, 1, 33, 3, size);
    Tensor moreLse = c.normal(DType.F32, 2, 33, 3);
    c.kernels().attentionSinks(c.input(c.normal(DType.F32, 2, 3)), more, moreLse);
    c.output("more out", more, 2e-6);
    c.output("more lse", moreLse, 2e-7);
    Tensor nothing = c.filled(DType.F32, 0, 0, 2, size);
    c.kernels().attentionSinks(c.filled(DType.F32, 0, 2), nothing, c.filled(DType.F32, 0, 0, 2));
  }

  /** The last row saw nothing, and its head has no sink either: its delta may be anything. */
  private static void sinksBackward(Case c, int rows, int heads) {
    Tensor sinks = c.normal(DType.F32, 1, heads);
    Tensor lse = c.normal(DType.F32, 1, rows, heads);
    Tensor delta = c.normal(DType.F32, 1, rows, heads);
    c.twin().attentionSinks(sinks, c.filled(DType.F32, 0, rows, heads, 0), lse);
    if (rows > 0 && heads > 0) {
      c.twin().fill(lse.get(rows - 1).slice(heads - 1, 1), Float.NEGATIVE_INFINITY);
      c.twin().fill(delta.get(rows - 1).slice(heads - 1, 1), Float.NaN);
    }
    Tensor dsinks = c.normal(DType.F32, 1, heads);
    c.kernels().attentionSinksBackward(c.input(sinks), c.input(lse), c.input(delta), dsinks);
    c.output("dsinks", dsinks, LinearChecks.bound(rows));
  }

  private static void delta(Case c, int size) {
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      Tensor out = c.input(c.normal(type, 1, 9, 3, size));
      Tensor dOut = c.input(c.normal(c.dtype(), 1, 9, 3, size));
      Tensor delta = c.filled(DType.F32, 9, 9, 3);
      c.kernels().attentionDelta(out, dOut, delta);
      c.output("delta of " + type, delta, 3e-6);
    }
  }
}
