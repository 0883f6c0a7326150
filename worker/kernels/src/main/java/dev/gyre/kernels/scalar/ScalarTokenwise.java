package dev.gyre.kernels.scalar;

import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.TokenwiseKernels;

/** Norm, rotary positions, biases and activations, row by row. Shapes as in {@link Kernels}. */
final class ScalarTokenwise implements TokenwiseKernels {
  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    long width = x.dim(1);
    for (long t = 0; t < x.dim(0); t++) {
      double squares = 0;
      for (long i = 0; i < width; i++) {
        double value = HostAccess.get(x, t * width + i);
        squares += value * value;
      }
      float r = (float) (1 / Math.sqrt(squares / width + eps));
      HostAccess.set(rstd, t, r);
      for (long i = 0; i < width; i++) {
        long at = t * width + i;
        HostAccess.set(y, at, HostAccess.get(x, at) * r * HostAccess.get(weight, i));
      }
    }
  }

  /**
   * With n = x·rstd and g = dy·weight: dx = rstd·(g − n·mean(g·n)), dweight = Σ_t dy·n, because
   * ∂rstd/∂x_i = −rstd³·x_i/I.
   */
  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    int width = (int) x.dim(1);
    double[] dweight_I = Tensors.toDoubles(dweight);
    for (long t = 0; t < x.dim(0); t++) {
      double r = HostAccess.get(rstd, t);
      double mean = 0;
      for (int i = 0; i < width; i++) {
        long at = t * width + i;
        double normed = HostAccess.get(x, at) * r;
        double d = HostAccess.get(dy, at);
        mean += d * HostAccess.get(weight, i) * normed / width;
        dweight_I[i] += d * normed;
      }
      for (int i = 0; i < width; i++) {
        long at = t * width + i;
        double normed = HostAccess.get(x, at) * r;
        double g = HostAccess.get(dy, at) * HostAccess.get(weight, i);
        HostAccess.add(dx, at, r * (g - normed * mean));
      }
    }
    for (int i = 0; i < width; i++) {
      HostAccess.set(dweight, i, dweight_I[i]);
    }
  }

  @Override
  public void ropeTable(Tensor positions, double[] frequencies, double scale, Tensor table) {
    long half = frequencies.length;
    for (long t = 0; t < positions.dim(0); t++) {
      int position = HostAccess.index(positions, t);
      for (int i = 0; i < half; i++) {
        double angle = position * frequencies[i];
        HostAccess.set(table, (t * 2) * half + i, scale * StrictMath.cos(angle));
        HostAccess.set(table, (t * 2 + 1) * half + i, scale * StrictMath.sin(angle));
      }
    }
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    long heads = x.dim(1);
    long size = x.dim(2);
    long half = table.dim(2);
    for (long t = 0; t < x.dim(0); t++) {
      for (long h = 0; h < heads; h++) {
        for (long i = 0; i < half; i++) {
          double cos = HostAccess.get(table, (t * 2) * half + i);
          double sin = HostAccess.get(table, (t * 2 + 1) * half + i) * (inverse ? -1 : 1);
          long first = (t * heads + h + 1) * size - 2 * half + i;
          double a = HostAccess.get(x, first);
          double b = HostAccess.get(x, first + half);
          HostAccess.set(x, first, a * cos - b * sin);
          HostAccess.set(x, first + half, b * cos + a * sin);
        }
      }
    }
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    long width = x.dim(1);
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.add(x, i, HostAccess.get(bias, i % width));
    }
  }

  @Override
  public void addBiasBackward(Tensor dy, Tensor dbias) {
    int width = (int) dy.dim(1);
    double[] dbias_I = Tensors.toDoubles(dbias);
    for (long t = 0; t < dy.dim(0); t++) {
      for (int i = 0; i < width; i++) {
        dbias_I[i] += HostAccess.get(dy, t * width + i);
      }
    }
    HostAccess.write(dbias_I, dbias);
  }

  @Override
  public void clamp(Tensor x, float limit, Tensor y) {
    for (long i = 0; i < x.elements(); i++) {
      HostAccess.set(y, i, Math.min(Math.max(HostAccess.get(x, i), -limit), limit));
    }
  }

  @Override
  public void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx) {
    for (long i = 0; i < x.elements(); i++) {
      boolean inside = Math.abs(HostAccess.get(x, i)) <= limit;
      HostAccess.set(dx, i, inside ? HostAccess.get(dy, i) : 0);
    }
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    long width = h.dim(1);
    for (long row = 0; row < h.dim(0); row++) {
      for (long i = 0; i < width; i++) {
        double gate = HostAccess.get(gateUp, row * 2 * width + i);
        double up = HostAccess.get(gateUp, row * 2 * width + width + i);
        HostAccess.set(h, row * width + i, gate * sigmoid(gate) * up);
      }
    }
  }

  /** silu'(g) = σ(g)·(1 + g·(1 − σ(g))). */
  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    long width = dh.dim(1);
    for (long row = 0; row < dh.dim(0); row++) {
      for (long i = 0; i < width; i++) {
        long gateAt = row * 2 * width + i;
        double gate = HostAccess.get(gateUp, gateAt);
        double up = HostAccess.get(gateUp, gateAt + width);
        double d = HostAccess.get(dh, row * width + i);
        double s = sigmoid(gate);
        HostAccess.set(dGateUp, gateAt, d * up * s * (1 + gate * (1 - s)));
        HostAccess.set(dGateUp, gateAt + width, d * gate * s);
      }
    }
  }

  @Override
  public void swigluClamped(Tensor gateUp, float alpha, float limit, Tensor h) {
    long width = h.dim(1);
    for (long row = 0; row < h.dim(0); row++) {
      for (long i = 0; i < width; i++) {
        double g = Math.min(HostAccess.get(gateUp, row * 2 * width + i), limit);
        double up = HostAccess.get(gateUp, row * 2 * width + width + i);
        double u = Math.min(Math.max(up, -limit), limit);
        HostAccess.set(h, row * width + i, (u + 1) * g * sigmoid(alpha * g));
      }
    }
  }

  /** With s = σ(alpha·g): ∂(g·s)/∂g = s·(1 + alpha·g·(1 − s)). */
  @Override
  public void swigluClampedBackward(
      Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp) {
    long width = dh.dim(1);
    for (long row = 0; row < dh.dim(0); row++) {
      for (long i = 0; i < width; i++) {
        long gateAt = row * 2 * width + i;
        double gate = HostAccess.get(gateUp, gateAt);
        double up = HostAccess.get(gateUp, gateAt + width);
        double d = HostAccess.get(dh, row * width + i);
        double g = Math.min(gate, limit);
        double u = Math.min(Math.max(up, -limit), limit);
        double s = sigmoid(alpha * g);
        double dGate = d * (u + 1) * s * (1 + alpha * g * (1 - s));
        HostAccess.set(dGateUp, gateAt, gate <= limit ? dGate : 0);
        HostAccess.set(dGateUp, gateAt + width, Math.abs(up) <= limit ? d * g * s : 0);
      }
    }
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    for (long i = 0; i < x.elements(); i++) {
      double at = HostAccess.get(x, i);
      HostAccess.set(y, i, at * sigmoid(at));
    }
  }

  /** silu'(x) = σ(x)·(1 + x·(1 − σ(x))). */
  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    for (long i = 0; i < x.elements(); i++) {
      double at = HostAccess.get(x, i);
      double s = sigmoid(at);
      HostAccess.set(dx, i, HostAccess.get(dy, i) * s * (1 + at * (1 - s)));
    }
  }

  private static double sigmoid(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }
}
