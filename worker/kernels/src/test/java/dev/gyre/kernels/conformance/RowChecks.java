package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.util.List;

/** Norm, rotary positions, activation. */
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
