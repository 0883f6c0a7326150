package dev.gyre.kernels.scalar;

import dev.gyre.kernels.DecayPattern;
import dev.gyre.kernels.HostAccess;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.LinearAttentionKernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;

/**
 * Linear attention as a recurrence, one token at a time, in double: S_t = λ·S_{t−1} + k_t·v_tᵀ and
 * o_t = q_t·S_t. Shapes as in {@link Kernels}; a state is [D,D], keys by values.
 */
final class ScalarLinearAttention implements LinearAttentionKernels {
  @Override
  public void linearAttention(
      Tensor q, Tensor k, Tensor v, DecayPattern pattern, Tensor state, Tensor out) {
    int size = (int) q.dim(2);
    for (int h = 0; h < pattern.heads(); h++) {
      double[] s = read(state, h, size);
      double lambda = pattern.decay(h, 1);
      int reset = 0;
      for (int t = 0; t < q.dim(0); t++) {
        if (reset < pattern.resets() && pattern.reset(reset) == t) {
          java.util.Arrays.fill(s, 0);
          reset++;
        }
        step(s, lambda, row(k, t, pattern.kvHeadOf(h)), row(v, t, pattern.kvHeadOf(h)));
        double[] queries = row(q, t, h);
        for (int e = 0; e < size; e++) {
          double sum = 0;
          for (int d = 0; d < size; d++) {
            sum += queries[d] * s[d * size + e];
          }
          HostAccess.set(out, at(out, t, h) + e, sum);
        }
      }
      write(s, state, h);
    }
  }

  @Override
  public void linearAttentionState(
      Tensor a, Tensor b, DecayPattern pattern, boolean backward, Tensor state) {
    int size = (int) a.dim(2);
    int tokens = (int) a.dim(0);
    for (int h = 0; h < pattern.heads(); h++) {
      double[] s = read(state, h, size);
      double lambda = pattern.decay(h, 1);
      if (backward) {
        gradientState(a, b, pattern, h, lambda, s);
      } else {
        int reset = 0;
        for (int t = 0; t < tokens; t++) {
          if (reset < pattern.resets() && pattern.reset(reset) == t) {
            java.util.Arrays.fill(s, 0);
            reset++;
          }
          step(s, lambda, row(a, t, pattern.kvHeadOf(h)), row(b, t, pattern.kvHeadOf(h)));
        }
      }
      write(s, state, h);
    }
  }

  /** Turns the gradient of the state after the tokens into that of the state before them. */
  private static void gradientState(
      Tensor q, Tensor dOut, DecayPattern pattern, int h, double lambda, double[] g) {
    int reset = pattern.resets() - 1;
    for (int t = (int) q.dim(0) - 1; t >= 0; t--) {
      addProduct(g, row(q, t, h), row(dOut, t, h));
      boolean starts = reset >= 0 && pattern.reset(reset) == t;
      for (int i = 0; i < g.length; i++) {
        g[i] = starts ? 0 : lambda * g[i];
      }
      reset -= starts ? 1 : 0;
    }
  }

  @Override
  public void linearAttentionBackward(
      Tensor q,
      Tensor k,
      Tensor v,
      DecayPattern pattern,
      Tensor state,
      Tensor dOut,
      Tensor dState,
      Tensor dq,
      Tensor dk,
      Tensor dv) {
    int size = (int) q.dim(2);
    int tokens = (int) q.dim(0);
    double[] dk_TKD = Tensors.toDoubles(dk);
    double[] dv_TKD = Tensors.toDoubles(dv);
    for (int h = 0; h < pattern.heads(); h++) {
      int kvHead = pattern.kvHeadOf(h);
      double lambda = pattern.decay(h, 1);
      double[] s = read(state, h, size);
      int reset = 0;
      for (int t = 0; t < tokens; t++) {
        if (reset < pattern.resets() && pattern.reset(reset) == t) {
          java.util.Arrays.fill(s, 0);
          reset++;
        }
        step(s, lambda, row(k, t, kvHead), row(v, t, kvHead));
        double[] dO = row(dOut, t, h);
        for (int d = 0; d < size; d++) {
          double sum = 0;
          for (int e = 0; e < size; e++) {
            sum += s[d * size + e] * dO[e];
          }
          HostAccess.add(dq, at(dq, t, h) + d, sum);
        }
      }
      double[] g = read(dState, h, size);
      for (int t = tokens - 1; t >= 0; t--) {
        addProduct(g, row(q, t, h), row(dOut, t, h));
        double[] keys = row(k, t, kvHead);
        double[] values = row(v, t, kvHead);
        int at = (int) at(k, t, kvHead);
        for (int d = 0; d < size; d++) {
          for (int e = 0; e < size; e++) {
            dk_TKD[at + d] += g[d * size + e] * values[e];
            dv_TKD[at + e] += g[d * size + e] * keys[d];
          }
        }
        boolean starts = reset > 0 && pattern.reset(reset - 1) == t;
        for (int i = 0; i < g.length; i++) {
          g[i] = starts ? 0 : lambda * g[i];
        }
        reset -= starts ? 1 : 0;
      }
      write(g, dState, h);
    }
    HostAccess.write(dk_TKD, dk);
    HostAccess.write(dv_TKD, dv);
  }

  /** s = λ·s + key·valueᵀ. */
  private static void step(double[] s, double lambda, double[] key, double[] value) {
    for (int i = 0; i < s.length; i++) {
      s[i] *= lambda;
    }
    addProduct(s, key, value);
  }

  private static void addProduct(double[] s, double[] a, double[] b) {
    for (int d = 0; d < a.length; d++) {
      for (int e = 0; e < b.length; e++) {
        s[d * b.length + e] += a[d] * b[e];
      }
    }
  }

  private static long at(Tensor x, long token, int head) {
    return (token * x.dim(1) + head) * x.dim(2);
  }

  private static double[] row(Tensor x, long token, int head) {
    double[] row = new double[(int) x.dim(2)];
    HostAccess.read(x, at(x, token, head), row.length, row);
    return row;
  }

  private static double[] read(Tensor state, int head, int size) {
    double[] s = new double[size * size];
    HostAccess.read(state, (long) head * s.length, s.length, s);
    return s;
  }

  private static void write(double[] s, Tensor state, int head) {
    for (int i = 0; i < s.length; i++) {
      HostAccess.set(state, (long) head * s.length + i, s[i]);
    }
  }
}
