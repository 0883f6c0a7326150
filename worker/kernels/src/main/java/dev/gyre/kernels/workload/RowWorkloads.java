package dev.gyre.kernels.workload;

import static dev.gyre.kernels.workload.ProductWorkloads.bytes;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;

/** Norm, rope, biases, activations, loss and copies of columns: kernels that work row by row. */
final class RowWorkloads {
  private static final float EPS = 1e-5f;
  private static final double THETA = 10_000;

  /** Alpha and limit of gpt-oss. */
  private static final float ALPHA = 1.702f;

  private static final float LIMIT = 7;

  private RowWorkloads() {}

  static Workload rmsNorm(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x_TI = o.f32(s.rows(), s.width());
    Tensor weight_I = o.f32(s.width());
    Tensor y_TI = o.compute(s.rows(), s.width());
    Tensor rstd_T = o.f32(s.rows());
    return rows(
        s,
        bytes(x_TI, weight_I, y_TI, rstd_T),
        () -> kernels.rmsNorm(x_TI, weight_I, EPS, y_TI, rstd_T));
  }

  static Workload rmsNormBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy_TI = o.compute(s.rows(), s.width());
    Tensor x_TI = o.f32(s.rows(), s.width());
    Tensor weight_I = o.f32(s.width());
    Tensor y_TI = o.compute(s.rows(), s.width());
    Tensor rstd_T = o.f32(s.rows());
    Tensor dx_TI = o.f32(s.rows(), s.width());
    Tensor dweight_I = o.f32(s.width());
    kernels.rmsNorm(x_TI, weight_I, EPS, y_TI, rstd_T);
    return rows(
        s,
        bytes(dy_TI, x_TI, weight_I, rstd_T) + 2 * bytes(dx_TI, dweight_I),
        () -> kernels.rmsNormBackward(dy_TI, x_TI, weight_I, rstd_T, dx_TI, dweight_I));
  }

  static Workload ropeTable(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor positions_T = positions(o, s);
    double[] frequencies = frequencies(s);
    Tensor table = o.f32(s.rows(), 2, s.attention().headDim() / 2);
    return new Workload(
        shape(s.rows(), s.attention().headDim()),
        0,
        bytes(positions_T, table),
        () -> kernels.ropeTable(positions_T, frequencies, 1, table));
  }

  static Workload rope(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x_THD =
        o.compute(s.rows(), s.width() / s.attention().headDim(), s.attention().headDim());
    Tensor table = o.f32(s.rows(), 2, s.attention().headDim() / 2);
    kernels.ropeTable(positions(o, s), frequencies(s), 1, table);
    return rows(s, 2 * bytes(x_THD) + bytes(table), () -> kernels.rope(x_THD, table, false));
  }

  private static double[] frequencies(Sizes s) {
    double[] frequencies = new double[s.attention().headDim() / 2];
    for (int i = 0; i < frequencies.length; i++) {
      frequencies[i] = StrictMath.pow(THETA, -(double) i / frequencies.length);
    }
    return frequencies;
  }

  private static Tensor positions(Operands o, Sizes s) {
    int[] positions = new int[s.rows()];
    for (int t = 0; t < positions.length; t++) {
      positions[t] = t;
    }
    return o.indices(positions, s.rows());
  }

  static Workload addBias(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x_TI = o.compute(s.rows(), s.width());
    Tensor bias_I = o.f32(s.width());
    return rows(s, bytes(x_TI, x_TI, bias_I), () -> kernels.addBias(x_TI, bias_I));
  }

  static Workload addBiasBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy_TI = o.compute(s.rows(), s.width());
    Tensor dbias_I = o.f32(s.width());
    return rows(s, bytes(dy_TI, dbias_I, dbias_I), () -> kernels.addBiasBackward(dy_TI, dbias_I));
  }

  static Workload clamp(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.compute(s.rows(), s.width());
    Tensor y = o.compute(s.rows(), s.width());
    return rows(s, bytes(x, y), () -> kernels.clamp(x, 1, y));
  }

  static Workload clampBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy = o.compute(s.rows(), s.width());
    Tensor x = o.compute(s.rows(), s.width());
    Tensor dx = o.compute(s.rows(), s.width());
    return rows(s, bytes(dy, x, dx), () -> kernels.clampBackward(dy, x, 1, dx));
  }

  static Workload silu(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor x = o.compute(s.rows(), s.width());
    Tensor y = o.compute(s.rows(), s.width());
    return rows(s, bytes(x, y), () -> kernels.silu(x, y));
  }

  static Workload siluBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dy = o.compute(s.rows(), s.width());
    Tensor x = o.compute(s.rows(), s.width());
    Tensor dx = o.compute(s.rows(), s.width());
    return rows(s, bytes(dy, x, dx), () -> kernels.siluBackward(dy, x, dx));
  }

  static Workload swiglu(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor gateUp = o.compute(s.rows(), 2L * s.width());
    Tensor h = o.compute(s.rows(), s.width());
    return rows(s, bytes(gateUp, h), () -> kernels.swiglu(gateUp, h));
  }

  static Workload swigluBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dh = o.compute(s.rows(), s.width());
    Tensor gateUp = o.compute(s.rows(), 2L * s.width());
    Tensor dGateUp = o.compute(s.rows(), 2L * s.width());
    return rows(s, bytes(dh, gateUp, dGateUp), () -> kernels.swigluBackward(dh, gateUp, dGateUp));
  }

  static Workload swigluClamped(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor gateUp = o.compute(s.rows(), 2L * s.width());
    Tensor h = o.compute(s.rows(), s.width());
    return rows(s, bytes(gateUp, h), () -> kernels.swigluClamped(gateUp, ALPHA, LIMIT, h));
  }

  static Workload swigluClampedBackward(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor dh = o.compute(s.rows(), s.width());
    Tensor gateUp = o.compute(s.rows(), 2L * s.width());
    Tensor dGateUp = o.compute(s.rows(), 2L * s.width());
    return rows(
        s,
        bytes(dh, gateUp, dGateUp),
        () -> kernels.swigluClampedBackward(dh, gateUp, ALPHA, LIMIT, dGateUp));
  }

  /** Half of the columns, as of the values in a projection of keys and values. */
  static Workload copyColumns(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    long half = s.width() / 2;
    Tensor from_TI = o.compute(s.rows(), s.width());
    Tensor to_TI = o.compute(s.rows(), half);
    return new Workload(
        shape(s.rows(), half),
        0,
        2 * bytes(to_TI),
        () -> kernels.copyColumns(from_TI, half, to_TI, 0, half, false));
  }

  static Workload crossEntropy(Operands o, Sizes s) {
    Kernels kernels = o.kernels();
    Tensor logits_TV = o.f32(s.vocabRows(), s.vocab());
    int[] labels = new int[s.vocabRows()];
    for (int t = 0; t < labels.length; t++) {
      labels[t] = t % s.vocab();
    }
    Tensor labels_T = o.indices(labels, s.vocabRows());
    Tensor losses_T = o.f32(s.vocabRows());
    return new Workload(
        shape(s.vocabRows(), s.vocab()),
        0,
        2 * bytes(logits_TV) + bytes(labels_T, losses_T),
        () -> kernels.crossEntropy(logits_TV, labels_T, 1, losses_T));
  }

  private static Workload rows(Sizes s, double bytes, Runnable call) {
    return new Workload(shape(s.rows(), s.width()), 0, bytes, call);
  }

  static String shape(long rows, long width) {
    return rows + "×" + width;
  }
}
