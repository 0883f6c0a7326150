package dev.gyre.kernels.scalar;

import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.LossKernels;
import dev.gyre.kernels.Tensor;

/** Cross-entropy and the optimizer's step. Shapes as in {@link Kernels}. */
final class ScalarLoss implements LossKernels {
  /** The label that means no label. */
  private static final int UNLABELLED = -100;

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    int vocabulary = (int) logits.dim(1);
    double[] z_V = new double[vocabulary];
    for (long t = 0; t < logits.dim(0); t++) {
      int label = HostAccess.index(labels, t);
      KernelChecks.label(t, label, vocabulary);
      HostAccess.read(logits, t * vocabulary, vocabulary, z_V);
      double max = Double.NEGATIVE_INFINITY;
      for (double z : z_V) {
        max = Math.max(max, z);
      }
      double sum = 0;
      for (double z : z_V) {
        sum += StrictMath.exp(z - max);
      }
      double lse = max + StrictMath.log(sum);
      boolean labelled = label != UNLABELLED;
      HostAccess.set(losses, t, labelled ? lse - z_V[label] : 0);
      for (int c = 0; c < vocabulary; c++) {
        double p = StrictMath.exp(z_V[c] - lse);
        double d = (p - (c == label ? 1 : 0)) * gradScale;
        HostAccess.set(logits, t * vocabulary + c, labelled ? d : 0);
      }
    }
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    double total = HostAccess.get(sum, 0);
    for (long i = 0; i < x.elements(); i++) {
      total += HostAccess.get(x, i);
    }
    HostAccess.set(sum, 0, total);
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    double total = HostAccess.get(sum, 0);
    for (long i = 0; i < x.elements(); i++) {
      double value = HostAccess.get(x, i);
      total += value * value;
    }
    HostAccess.set(sum, 0, total);
  }

  @Override
  public void adamW(
      Tensor w,
      Tensor m,
      Tensor v,
      Tensor grad,
      float gradScale,
      float lr,
      float beta1,
      float beta2,
      float eps,
      float decay,
      long step) {
    double correction1 = 1 - StrictMath.pow(beta1, (double) step);
    double correction2 = 1 - StrictMath.pow(beta2, (double) step);
    for (long i = 0; i < w.elements(); i++) {
      double g = HostAccess.get(grad, i) * gradScale;
      double first = beta1 * HostAccess.get(m, i) + (1.0 - beta1) * g;
      double second = beta2 * HostAccess.get(v, i) + (1.0 - beta2) * g * g;
      double update = first / correction1 / (Math.sqrt(second / correction2) + eps);
      double weight = HostAccess.get(w, i);
      HostAccess.set(m, i, first);
      HostAccess.set(v, i, second);
      HostAccess.set(w, i, weight - lr * (update + decay * weight));
    }
  }
}
