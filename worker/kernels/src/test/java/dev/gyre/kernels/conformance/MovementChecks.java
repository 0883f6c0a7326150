package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Fill, copy, add, scale, gather, scatter, columns. Conversions and sums of two are exact. */
final class MovementChecks {
  private MovementChecks() {}

  /**
   * Values where a conversion to BF16 goes wrong: ties, carries, overflow, subnormal, not finite.
   */
  static final float[] AWKWARD = {
    0f,
    -0f,
    1f,
    1 + 1f / 256,
    1 + 3f / 256,
    1 + 1f / 256 + 1e-6f,
    -1 - 1f / 256,
    Float.MAX_VALUE,
    -Float.MAX_VALUE,
    Float.MIN_VALUE,
    1e-39f,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    Float.intBitsToFloat(0x7f800001),
    Float.intBitsToFloat(0x7fffffff),
    Float.intBitsToFloat(0xffffffff),
    3.1415927f,
    1e30f
  };

  static void addTo(List<Check> checks, DType dtype) {
    for (int size : new int[] {0, 1, 15, 16, 17, 31, 33, 4099}) {
      checks.add(new Check("fill " + size, dtype, c -> fill(c, size)));
      checks.add(new Check("copy " + size, dtype, c -> copy(c, size)));
      checks.add(new Check("add " + size, dtype, c -> add(c, size)));
      checks.add(new Check("scale " + size, dtype, c -> scale(c, size)));
      checks.add(new Check("gather scatter width " + size, dtype, c -> gatherScatter(c, size)));
      checks.add(new Check("copyColumns " + size, dtype, c -> columns(c, size)));
    }
    checks.add(new Check("copyColumns of awkward values", dtype, MovementChecks::awkwardColumns));
    checks.add(new Check("copyColumns between heads", dtype, MovementChecks::columnsOfHeads));
    checks.add(new Check("copy of awkward values", dtype, MovementChecks::copyAwkward));
    checks.add(new Check("arguments are refused", dtype, MovementChecks::refusals));
  }

  private static void fill(Case c, int size) {
    Tensor x = c.normal(c.dtype(), 1, size);
    Tensor sum = c.filled(DType.F64, 7, 1);
    c.kernels().fill(x, -3.75f);
    c.kernels().fill(sum, 0);
    c.exactOutput("x", x);
    c.exactOutput("sum", sum);
  }

  private static void copy(Case c, int size) {
    Tensor from = c.input(c.normal(DType.F32, 1, size));
    Tensor to = c.filled(c.dtype(), 9, size);
    Tensor back = c.filled(DType.F32, 9, size);
    c.kernels().copy(from, to);
    c.kernels().copy(to, back);
    c.exactOutput("to", to);
    c.exactOutput("back", back);
  }

  private static void copyAwkward(Case c) {
    Tensor from = c.input(c.of(DType.F32, AWKWARD, AWKWARD.length));
    Tensor to = c.filled(c.dtype(), 9, AWKWARD.length);
    Tensor back = c.filled(DType.F32, 9, AWKWARD.length);
    c.kernels().copy(from, to);
    c.kernels().copy(to, back);
    c.exactOutput("to", to);
    c.exactOutput("back", back);
  }

  private static void add(Case c, int size) {
    Tensor x = c.input(c.normal(c.dtype(), 1, size));
    Tensor x32 = c.input(c.normal(DType.F32, 1, size));
    Tensor into = c.normal(c.dtype(), 1, size);
    Tensor into32 = c.normal(DType.F32, 1, size);
    c.kernels().add(x, into32);
    c.kernels().add(x, into);
    c.kernels().add(x32, into);
    c.exactOutput("into", into);
    c.exactOutput("into32", into32);
  }

  private static void scale(Case c, int size) {
    Tensor x = c.normal(DType.F32, 1, size);
    c.kernels().scale(x, -0.3f);
    c.exactOutput("x", x);
  }

  private static void gatherScatter(Case c, int width) {
    int[] order = {3, 0, -1, 3, 4, -1, 1, 3};
    Tensor table = c.input(c.normal(c.dtype(), 1, 5, width));
    Tensor indices = c.input(c.ints(order, order.length));
    Tensor out = c.filled(c.dtype(), 9, order.length, width);
    c.kernels().gatherRows(table, indices, out);
    Tensor sums = c.normal(DType.F32, 1, 5, width);
    Tensor rows = c.input(c.normal(c.dtype(), 1, order.length, width));
    c.kernels().scatterAddRows(rows, indices, sums);
    c.exactOutput("out", out);
    c.exactOutput("sums", sums);
  }

  /** All pairs of dtypes; the first columns, the last ones, and others between. */
  private static void columns(Case c, int columns) {
    for (DType source : new DType[] {c.dtype(), DType.F32}) {
      for (DType target : new DType[] {c.dtype(), DType.F32}) {
        for (boolean accumulate : new boolean[] {false, true}) {
          Tensor from = c.input(c.normal(source, 1, 5, columns + 3L));
          Tensor first = c.normal(target, 1, 5, columns + 2L);
          Tensor last = c.normal(target, 1, 5, columns);
          Tensor between = c.normal(target, 1, 5, columns + 40L);
          c.kernels().copyColumns(from, 3, first, 0, columns, accumulate);
          c.kernels().copyColumns(from, 0, last, 0, columns, accumulate);
          c.kernels().copyColumns(from, 1, between, 33, columns, accumulate);
          String of = " " + source + " to " + target + " accumulate " + accumulate;
          c.exactOutput("first" + of, first);
          c.exactOutput("last" + of, last);
          c.exactOutput("between" + of, between);
        }
      }
    }
  }

  private static void awkwardColumns(Case c) {
    Tensor from = c.input(c.of(DType.F32, AWKWARD, 1, AWKWARD.length));
    Tensor to = c.filled(c.dtype(), 9, 1, AWKWARD.length);
    Tensor sum = c.filled(c.dtype(), 1e-39f, 1, AWKWARD.length);
    c.kernels().copyColumns(from, 0, to, 0, AWKWARD.length, false);
    c.kernels().copyColumns(from, 0, sum, 0, AWKWARD.length, true);
    c.exactOutput("to", to);
    c.exactOutput("sum", sum);
  }

  /** Ranks may differ; a tensor may have no rows or no columns. */
  private static void columnsOfHeads(Case c) {
    Tensor heads = c.input(c.normal(c.dtype(), 1, 7, 3, 24));
    Tensor flat = c.normal(c.dtype(), 1, 21, 20);
    Tensor single = c.normal(DType.F32, 1, 24);
    c.kernels().copyColumns(heads, 8, flat, 4, 16, false);
    c.kernels().copyColumns(heads.get(2).get(1), 20, single, 20, 4, false);
    c.kernels().copyColumns(heads.slice(0, 0), 0, c.filled(DType.F32, 9, 0, 9), 0, 9, false);
    c.kernels().copyColumns(c.filled(DType.F32, 9, 21, 0), 0, flat, 20, 0, true);
    c.exactOutput("flat", flat);
    c.exactOutput("single", single);
  }

  private static void refusals(Case c) {
    Kernels k = c.kernels();
    Tensor a = c.filled(c.dtype(), 1, 2, 3);
    Tensor b = c.filled(c.dtype(), 1, 4, 2);
    Tensor y = c.filled(DType.F32, 1, 2, 4);
    Tensor outside = c.ints(new int[] {0, 2}, 2);
    Tensor integers = c.ints(new int[] {1, 2, 3, 4, 5, 6}, 2, 3);
    refused("linear of unequal widths", () -> k.linear(a, b, y, false));
    refused("add of unequal sizes", () -> k.add(a, y));
    refused("add of integers", () -> k.add(integers, a));
    refused("scale of integers", () -> k.scale(integers, 2));
    refused("gather beyond the table", () -> k.gatherRows(a, outside, a));
    refused("columns beyond the width", () -> k.copyColumns(a, 1, y, 0, 3, false));
    refused("columns before the first", () -> k.copyColumns(a, 0, y, -1, 1, false));
    refused("columns of unequal rows", () -> k.copyColumns(a, 0, b, 0, 2, false));
    refused("a limit below 0", () -> k.clamp(a, -1, a));
    refused(
        "rotation of more than a head",
        () -> k.rope(a.reshape(1, 2, 3), c.filled(DType.F32, 1, 1, 2, 2), false));
    Tensor scores = c.filled(DType.F32, 0, 1, 8);
    Tensor bias = c.filled(DType.F32, 0, 8);
    for (int[] wrong : new int[][] {{3, 1, 1}, {0, 1, 1}, {4, 0, 1}, {4, 5, 1}, {4, 2, 5}}) {
      Tensor chosen = c.ints(new int[wrong[2]], 1, wrong[2]);
      Tensor shares = c.filled(DType.F32, 0, 1, wrong[2]);
      refused(
          "%d groups, %d chosen, top %d".formatted(wrong[0], wrong[1], wrong[2]),
          () -> k.routeGroups(scores, bias, wrong[0], wrong[1], true, 1, scores, chosen, shares));
    }
    refused(
        "label beyond the vocabulary",
        () -> k.crossEntropy(y, c.ints(new int[] {0, 4}, 2), 1, c.filled(DType.F32, 0, 2)));
    refused(
        "offsets that do not reach the end",
        () ->
            k.groupedLinear(
                a,
                c.filled(c.dtype(), 1, 1, 4, 3),
                new int[] {0, 1},
                c.filled(DType.F32, 0, 2, 4)));
  }

  private static void refused(String what, Runnable call) {
    try {
      call.run();
    } catch (IllegalArgumentException expected) {
      return;
    }
    throw new AssertionError(what + " was accepted");
  }
}
