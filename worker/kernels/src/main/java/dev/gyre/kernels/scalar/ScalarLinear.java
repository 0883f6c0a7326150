package dev.gyre.kernels.scalar;

import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.LinearKernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import java.util.Arrays;

/** Matrix products as three nested loops, summed in double. Shapes as in {@link Kernels}. */
final class ScalarLinear implements LinearKernels {
  /** y_TO (+)= Σ_i x_TI · w_OI. */
  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    int inputs = (int) x.dim(1);
    int outputs = (int) w.dim(0);
    double[] w_OI = Tensors.toDoubles(w);
    double[] x_I = new double[inputs];
    for (long t = 0; t < x.dim(0); t++) {
      HostAccess.read(x, t * inputs, inputs, x_I);
      for (int o = 0; o < outputs; o++) {
        double sum = accumulate ? HostAccess.get(y, t * outputs + o) : 0;
        for (int i = 0; i < inputs; i++) {
          sum += x_I[i] * w_OI[o * inputs + i];
        }
        HostAccess.set(y, t * outputs + o, sum);
      }
    }
  }

  /** dx_TI (+)= Σ_o dy_TO · w_OI. */
  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    int outputs = (int) w.dim(0);
    int inputs = (int) w.dim(1);
    double[] w_OI = Tensors.toDoubles(w);
    double[] dx_I = new double[inputs];
    for (long t = 0; t < dy.dim(0); t++) {
      Arrays.fill(dx_I, 0);
      for (int o = 0; o < outputs; o++) {
        double d = HostAccess.get(dy, t * outputs + o);
        for (int i = 0; i < inputs; i++) {
          dx_I[i] += d * w_OI[o * inputs + i];
        }
      }
      for (int i = 0; i < inputs; i++) {
        long at = t * inputs + i;
        HostAccess.set(dx, at, accumulate ? HostAccess.get(dx, at) + dx_I[i] : dx_I[i]);
      }
    }
  }

  /** dw_OI += Σ_t dy_TO · x_TI. */
  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    int outputs = (int) dy.dim(1);
    int inputs = (int) x.dim(1);
    double[] dw_OI = Tensors.toDoubles(dw);
    double[] x_I = new double[inputs];
    for (long t = 0; t < dy.dim(0); t++) {
      HostAccess.read(x, t * inputs, inputs, x_I);
      for (int o = 0; o < outputs; o++) {
        double d = HostAccess.get(dy, t * outputs + o);
        for (int i = 0; i < inputs; i++) {
          dw_OI[o * inputs + i] += d * x_I[i];
        }
      }
    }
    for (int n = 0; n < dw_OI.length; n++) {
      HostAccess.set(dw, n, dw_OI[n]);
    }
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      linear(x.slice(offsets[e], rows), w.get(e), y.slice(offsets[e], rows), false);
    }
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      linearBackwardInput(dy.slice(offsets[e], rows), w.get(e), dx.slice(offsets[e], rows), false);
    }
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    for (int e = 0; e + 1 < offsets.length; e++) {
      int rows = offsets[e + 1] - offsets[e];
      linearBackwardWeight(dy.slice(offsets[e], rows), x.slice(offsets[e], rows), dw.get(e));
    }
  }
}
