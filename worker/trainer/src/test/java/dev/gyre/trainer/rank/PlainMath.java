package dev.gyre.trainer.rank;

import java.util.Arrays;

/** Products, norms and sums of one token's values in double. */
final class PlainMath {
  private PlainMath() {}

  /** RMSNorm of every {@code weight.length} consecutive elements. */
  static double[] norm(double[] x, double[] weight, double eps) {
    double[] y = new double[x.length];
    for (int from = 0; from < x.length; from += weight.length) {
      double squares = 0;
      for (int i = 0; i < weight.length; i++) {
        squares += x[from + i] * x[from + i];
      }
      double scale = 1 / Math.sqrt(squares / weight.length + eps);
      for (int i = 0; i < weight.length; i++) {
        y[from + i] = x[from + i] * scale * weight[i];
      }
    }
    return y;
  }

  /**
   * @param weight [out, in], row-major
   */
  static double[] linear(double[] x, double[] weight) {
    double[] y = new double[weight.length / x.length];
    for (int o = 0; o < y.length; o++) {
      for (int i = 0; i < x.length; i++) {
        y[o] += weight[o * x.length + i] * x[i];
      }
    }
    return y;
  }

  static void add(double[] x, double[] y) {
    addScaled(x, 1, y);
  }

  static void addScaled(double[] x, double scale, double[] y) {
    for (int i = 0; i < x.length; i++) {
      x[i] += scale * y[i];
    }
  }

  static double[] part(double[] x, int from, int count) {
    return Arrays.copyOfRange(x, from, from + count);
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }
}
