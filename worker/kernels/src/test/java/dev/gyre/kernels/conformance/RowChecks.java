package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Norm, rotary positions, biases, clamps, activations. */
final class RowChecks {
  /** A few f32 roundings. */
  private static final double BOUND = 2e-6;

  private RowChecks() {}

  static void addTo(List<Check> checks, DType dtype) {
    for (int rows : new int[] {0, 1, 5, 33}) {
      for (int width : new int[] {1, 15, 16, 17, 31, 33, 257, 4099}) {
        String sizes = "T=" + rows + " I=" + width;
        checks.add(new Check("rmsNorm " + sizes, dtype, c -> norm(c, rows, width, 3)));
        checks.add(new Check("rmsNormBackward " + sizes, dtype, c -> normBack(c, rows, width)));
        checks.add(new Check("swiglu " + sizes, dtype, c -> swiglu(c, rows, width, 2)));
      }
      for (int size : new int[] {2, 6, 16, 30, 32, 34, 62, 64, 128, 256}) {
        checks.add(new Check("rope T=" + rows + " D=" + size, dtype, c -> rope(c, rows, size)));
      }
    }
    for (int rows : new int[] {0, 1, 5}) {
      for (int width : new int[] {1, 15, 16, 17, 31, 33, 257, 4099}) {
        String sizes = "T=" + rows + " I=" + width;
        checks.add(new Check("addBias " + sizes, dtype, c -> bias(c, rows, width)));
        checks.add(
            new Check("swigluClamped " + sizes, dtype, c -> swigluClamped(c, rows, width, 2)));
      }
    }
    for (int[] part : new int[][] {{64, 16}, {192, 64}, {48, 34}, {7, 6}, {5, 0}, {33, 2}}) {
      String sizes = "D=" + part[0] + " R=" + part[1];
      checks.add(new Check("rope " + sizes, dtype, c -> ropeOfTails(c, part[0], part[1])));
    }
    for (int rows : new int[] {255, 256, 257, 1027}) {
      checks.add(new Check("addBias T=" + rows, dtype, c -> bias(c, rows, 19)));
    }
    for (int size : Conformance.SIZES) {
      checks.add(new Check("clamp " + size, dtype, c -> clamp(c, c.normal(c.dtype(), 2, size))));
    }
    checks.add(new Check("clamp 4099", dtype, c -> clamp(c, c.normal(c.dtype(), 2, 3, 1, 4099))));
    checks.add(new Check("clamp of awkward values", dtype, RowChecks::awkwardClamp));
    checks.add(new Check("swigluClamped saturated", dtype, c -> swigluClamped(c, 3, 65, 100)));
    for (double size : new double[] {1e-4, 1e4}) {
      checks.add(new Check("rmsNorm of values near " + size, dtype, c -> norm(c, 3, 65, size)));
    }
    checks.add(new Check("rmsNorm of zeros", dtype, RowChecks::normOfZeros));
    checks.add(new Check("swiglu saturated", dtype, c -> swiglu(c, 3, 65, 100)));
  }

  private static void norm(Case c, int rows, int width, double deviation) {
    Tensor weight = c.input(c.normal(DType.F32, 1, width));
    for (DType from : new DType[] {c.dtype(), DType.F32}) {
      Tensor x = c.input(c.normal(from, deviation, rows, width));
      Tensor y = c.filled(c.dtype(), 9, rows, width);
      Tensor rstd = c.filled(DType.F32, 9, rows);
      c.kernels().rmsNorm(x, weight, 1e-5f, y, rstd);
      c.output("y of " + from, y, BOUND);
      c.output("rstd of " + from, rstd, BOUND);
    }
  }

  private static void normOfZeros(Case c) {
    Tensor x = c.input(c.filled(DType.F32, 0, 2, 40));
    Tensor weight = c.input(c.filled(DType.F32, 1, 40));
    Tensor y = c.filled(c.dtype(), 9, 2, 40);
    Tensor rstd = c.filled(DType.F32, 9, 2);
    c.kernels().rmsNorm(x, weight, 1e-6f, y, rstd);
    c.output("y", y, BOUND);
    c.output("rstd", rstd, BOUND);
  }

  private static void normBack(Case c, int rows, int width) {
    Tensor weight = c.input(c.normal(DType.F32, 1, width));
    for (DType from : new DType[] {c.dtype(), DType.F32}) {
      Tensor x = c.input(c.normal(from, 3, rows, width));
      Tensor dy = c.input(c.normal(c.dtype(), 1, rows, width));
      Tensor rstd = c.filled(DType.F32, 0, rows);
      c.twin().rmsNorm(x, weight, 1e-5f, c.filled(DType.F32, 0, rows, width), rstd);
      Tensor dx = c.normal(DType.F32, 1, rows, width);
      Tensor dweight = c.normal(DType.F32, 1, width);
      c.kernels().rmsNormBackward(dy, x, weight, c.input(rstd), dx, dweight);
      c.output("dx of " + from, dx, 2 * BOUND);
      c.output("dweight of " + from, dweight, 2 * BOUND);
    }
  }

  private static void swiglu(Case c, int rows, int width, double deviation) {
    Tensor gateUp = c.input(c.normal(c.dtype(), deviation, rows, 2L * width));
    Tensor h = c.filled(c.dtype(), 9, rows, width);
    c.kernels().swiglu(gateUp, h);
    c.output("h", h, BOUND);
    Tensor dh = c.input(c.normal(c.dtype(), 1, rows, width));
    Tensor dGateUp = c.filled(c.dtype(), 9, rows, 2L * width);
    c.kernels().swigluBackward(dh, gateUp, dGateUp);
    c.output("dGateUp", dGateUp, BOUND);
  }

  /** Forward exact: an addition and a rounding. */
  private static void bias(Case c, int rows, int width) {
    Tensor bias = c.input(c.normal(DType.F32, 1, width));
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      Tensor x = c.normal(type, 1, rows, width);
      c.kernels().addBias(x, bias);
      c.exactOutput("x " + type, x);
      Tensor dy = c.input(c.normal(type, 1, rows, width));
      Tensor dbias = c.normal(DType.F32, 1, width);
      c.kernels().addBiasBackward(dy, dbias);
      c.output("dbias of " + type, dbias, LinearChecks.bound(rows));
    }
  }

  /** A limit that is not a BF16 value, one that is, and in place. Exact: only a rounding. */
  private static void clamp(Case c, Tensor x) {
    long[] dims = new long[x.rank()];
    for (int i = 0; i < dims.length; i++) {
      dims[i] = x.dim(i);
    }
    c.input(x);
    for (float limit : new float[] {0.7f, 1.5f}) {
      Tensor y = c.filled(c.dtype(), 9, dims);
      c.kernels().clamp(x, limit, y);
      c.exactOutput("y " + limit, y);
      Tensor z = c.normal(c.dtype(), 2, dims);
      c.kernels().clamp(z, limit, z);
      c.exactOutput("in place " + limit, z);
      for (DType from : new DType[] {c.dtype(), DType.F32}) {
        for (DType to : new DType[] {c.dtype(), DType.F32}) {
          Tensor dy = c.input(c.normal(from, 1, dims));
          Tensor dx = c.filled(to, 9, dims);
          c.kernels().clampBackward(dy, x, limit, dx);
          c.exactOutput("dx " + to + " of " + from + " " + limit, dx);
        }
        Tensor dx = c.normal(from, 1, dims);
        c.kernels().clampBackward(dx, x, limit, dx);
        c.exactOutput("dx in place " + from + " " + limit, dx);
      }
    }
  }

  /** NaN stays NaN; a value at the limit counts as inside; NaN gradients outside do not pass. */
  private static void awkwardClamp(Case c) {
    float[] edges = {0.7f, -0.7f, 1.5f, -1.5f, Math.nextUp(1.5f), Math.nextDown(1.5f)};
    int size = 3 * (MovementChecks.AWKWARD.length + edges.length);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      int n = i % (size / 3);
      values[i] = n < edges.length ? edges[n] : MovementChecks.AWKWARD[n - edges.length];
    }
    Tensor x = c.of(c.dtype(), values, size);
    clamp(c, x);
    Tensor dx = c.filled(DType.F32, 9, size);
    c.kernels().clampBackward(c.input(c.filled(DType.F32, Float.NaN, size)), x, 1.5f, dx);
    c.exactOutput("dx of NaN", dx);
    Tensor zero = c.filled(c.dtype(), 9, size);
    c.kernels().clamp(x, 0, zero);
    c.output("limit 0", zero, 0);
  }

  /** A third of the values is clamped at limit 2; at 1e30 none is. */
  private static void swigluClamped(Case c, int rows, int width, double deviation) {
    for (float limit : new float[] {2, 1e30f}) {
      Tensor gateUp = c.input(c.normal(c.dtype(), deviation, rows, 2L * width));
      Tensor h = c.filled(c.dtype(), 9, rows, width);
      c.kernels().swigluClamped(gateUp, 1.702f, limit, h);
      c.output("h " + limit, h, BOUND);
      Tensor dh = c.input(c.normal(c.dtype(), 1, rows, width));
      Tensor dGateUp = c.filled(c.dtype(), 9, rows, 2L * width);
      c.kernels().swigluClampedBackward(dh, gateUp, 1.702f, limit, dGateUp);
      c.output("dGateUp " + limit, dGateUp, BOUND);
    }
  }

  /** The last R of D elements, with a scale: the others keep their bits. */
  private static void ropeOfTails(Case c, int size, int rotated) {
    int rows = 9;
    int[] at = new int[rows];
    for (int t = 0; t < rows; t++) {
      at[t] = c.random().nextInt(1 << 20);
    }
    Tensor positions = c.input(c.ints(at, rows));
    Tensor table = c.filled(DType.F32, 9, rows, 2, rotated / 2);
    c.kernels().ropeTable(positions, frequencies(rotated, 10000), 1.37, table);
    c.output("table", table, 1e-7);
    Tensor angles = c.filled(DType.F32, 9, rows, 2, rotated / 2);
    c.twin().ropeTable(positions, frequencies(rotated, 500000), 0.8, angles);
    c.input(angles);
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      for (boolean inverse : new boolean[] {false, true}) {
        Tensor x = c.normal(type, 1, rows, 3, size);
        Tensor first = c.filled(type, 9, rows, 3, size - rotated);
        c.kernels().rope(x, angles, inverse);
        c.kernels().copyColumns(x, 0, first, 0, size - rotated, false);
        c.output("x " + type + " inverse " + inverse, x, BOUND);
        c.exactOutput("first " + type + " inverse " + inverse, first);
      }
    }
  }

  private static void rope(Case c, int rows, int size) {
    int[] at = new int[rows];
    for (int t = 0; t < rows; t++) {
      at[t] = t < 3 ? t : c.random().nextInt(1 << 20);
    }
    Tensor positions = c.input(c.ints(at, rows));
    Tensor table = c.filled(DType.F32, 9, rows, 2, size / 2);
    c.kernels().ropeTable(positions, frequencies(size, 10000), 1, table);
    c.output("table", table, 1e-7);
    Tensor angles = c.filled(DType.F32, 9, rows, 2, size / 2);
    c.twin().ropeTable(positions, frequencies(size, 500000), 1, angles);
    for (DType type : new DType[] {c.dtype(), DType.F32}) {
      for (boolean inverse : new boolean[] {false, true}) {
        Tensor x = c.normal(type, 1, rows, 3, size);
        c.kernels().rope(x, c.input(angles), inverse);
        c.output("x " + type + " inverse " + inverse, x, BOUND);
      }
    }
  }

  private static double[] frequencies(int size, double theta) {
    double[] frequencies = new double[size / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = StrictMath.pow(theta, -2.0 * i / size);
    }
    return frequencies;
  }
}
