package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.Arrays;
import java.util.List;

/** Matrix products, alone and grouped by expert. */
final class LinearChecks {
  private static final double F32_EPSILON = Math.scalb(1.0, -24);

  private LinearChecks() {}

  /**
   * A sum of n unit normals, or of products of two, has a rounding error of about √n·2⁻²⁴ of its
   * own size; the largest error of many elements may be a few times that.
   */
  static double bound(int terms) {
    return (8 + 4 * Math.sqrt(terms)) * F32_EPSILON;
  }

  /** When accumulating into a BF16 result, its old value is rounded once more. */
  private static double bound(int terms, Tensor result, boolean accumulate) {
    return bound(terms) + (accumulate && result.dtype() == DType.BF16 ? 1.0 / 256 : 0);
  }

  static void addTo(List<Check> checks, DType dtype) {
    for (int n : Conformance.SIZES) {
      addLinear(checks, dtype, n, 33, 17);
      addLinear(checks, dtype, 17, n, 33);
      addLinear(checks, dtype, 33, 17, n);
    }
    addLinear(checks, dtype, 130, 258, 70);
    addLinear(checks, dtype, 64, 64, 64);
    addLinear(checks, dtype, 3, 4099, 5);
    int[][] groupings = {
      {0, 0}, {0, 5}, {0, 0, 0, 9}, {0, 1, 1, 17, 50}, {0, 33, 64, 64}, {0, 128, 131}
    };
    for (int[] offsets : groupings) {
      for (int[] widths : new int[][] {{16, 16}, {17, 33}, {64, 96}}) {
        String sizes = Arrays.toString(offsets) + " I=" + widths[0] + " O=" + widths[1];
        checks.add(
            new Check(
                "groupedLinear " + sizes, dtype, c -> grouped(c, offsets, widths[0], widths[1])));
      }
    }
    checks.add(new Check("linear with changed weights", dtype, LinearChecks::changedWeights));
  }

  private static void addLinear(List<Check> checks, DType dtype, int t, int i, int o) {
    String sizes = "T=" + t + " I=" + i + " O=" + o;
    checks.add(new Check("linear " + sizes, dtype, c -> forward(c, t, i, o)));
    checks.add(new Check("linearBackwardInput " + sizes, dtype, c -> input(c, t, i, o)));
    checks.add(new Check("linearBackwardWeight " + sizes, dtype, c -> weight(c, t, i, o)));
  }

  private static void forward(Case c, int t, int i, int o) {
    Tensor x = c.input(c.normal(c.dtype(), 1, t, i));
    Tensor w = c.input(c.normal(c.dtype(), 1, o, i));
    for (boolean accumulate : new boolean[] {false, true}) {
      Tensor y = c.normal(c.dtype(), 1, t, o);
      Tensor y32 = c.normal(DType.F32, 1, t, o);
      c.kernels().linear(x, w, y, accumulate);
      c.kernels().linear(x, w, y32, accumulate);
      c.output("y accumulate " + accumulate, y, bound(i, y, accumulate));
      c.output("y32 accumulate " + accumulate, y32, bound(i));
    }
  }

  private static void input(Case c, int t, int i, int o) {
    Tensor dy = c.input(c.normal(c.dtype(), 1, t, o));
    Tensor w = c.input(c.normal(c.dtype(), 1, o, i));
    for (boolean accumulate : new boolean[] {false, true}) {
      Tensor dx = c.normal(c.dtype(), 1, t, i);
      Tensor dx32 = c.normal(DType.F32, 1, t, i);
      c.kernels().linearBackwardInput(dy, w, dx, accumulate);
      c.kernels().linearBackwardInput(dy, w, dx32, accumulate);
      c.output("dx accumulate " + accumulate, dx, bound(o, dx, accumulate));
      c.output("dx32 accumulate " + accumulate, dx32, bound(o));
    }
  }

  private static void weight(Case c, int t, int i, int o) {
    Tensor dy = c.input(c.normal(c.dtype(), 1, t, o));
    Tensor x = c.input(c.normal(c.dtype(), 1, t, i));
    Tensor dw = c.normal(DType.F32, 1, o, i);
    c.kernels().linearBackwardWeight(dy, x, dw);
    c.output("dw", dw, bound(t));
  }

  private static void grouped(Case c, int[] offsets, int i, int o) {
    int experts = offsets.length - 1;
    int m = offsets[experts];
    Tensor x = c.input(c.normal(c.dtype(), 1, m, i));
    Tensor dy = c.input(c.normal(c.dtype(), 1, m, o));
    Tensor w = c.input(c.normal(c.dtype(), 1, experts, o, i));
    for (DType result : new DType[] {c.dtype(), DType.F32}) {
      Tensor y = c.normal(result, 1, m, o);
      Tensor dx = c.normal(result, 1, m, i);
      c.kernels().groupedLinear(x, w, offsets, y);
      c.kernels().groupedLinearBackwardInput(dy, w, offsets, dx);
      c.output("y " + result, y, bound(i));
      c.output("dx " + result, dx, bound(o));
    }
    Tensor dw = c.normal(DType.F32, 1, experts, o, i);
    c.kernels().groupedLinearBackwardWeight(dy, x, offsets, dw);
    c.output("dw", dw, bound(m));
  }

  /** A backend must not reuse a cached copy of weights that have new values at the old address. */
  private static void changedWeights(Case c) {
    Tensor x = c.input(c.normal(c.dtype(), 1, 33, 48));
    Tensor w = c.normal(c.dtype(), 1, 32, 48);
    Tensor y = c.filled(DType.F32, 0, 33, 32);
    c.kernels().linear(x, w, y, false);
    c.hostWrites(w);
    c.twin().copy(c.normal(c.dtype(), 1, 32, 48), w);
    c.kernels().linear(x, w, y, false);
    c.output("y", y, bound(48));
  }
}
