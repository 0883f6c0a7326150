package dev.gyre.kernels;

/**
 * Kernels that compute each token independently: norm, rotary positions, biases, activations. The
 * legend of shapes and the common rules are in {@link Kernels}.
 */
public interface TokenwiseKernels {
  /**
   * y = x · rstd · weight, rstd = 1/√(mean(x²) + eps), over the width. x compute or F32 [T,I],
   * weight F32 [I], y compute [T,I], rstd F32 [T]. Source: Zhang and Sennrich, RMSNorm, eq. 4.
   */
  void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd);

  /** dx += and dweight F32 [I] += from dy compute or F32 [T,I]; dx F32 [T,I]. */
  void rmsNormBackward(Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight);

  /**
   * table[t] = scale · (cos, sin)(positions[t] · frequencies[i]) for i below R/2: F32 [T, 2, R/2],
   * angles reduced in double. positions I32 [T]. Source: Su et al., RoFormer, eq. 15; the scale is
   * the attention factor of Peng et al., YaRN.
   *
   * @param frequencies radians per position, R/2 values
   */
  void ropeTable(Tensor positions, double[] frequencies, double scale, Tensor table);

  /**
   * Rotates the last R elements of each head of x compute or F32 [T,H,D] in place, pairing element
   * i of them with i + R/2 (the "rotate half" convention); the first D − R stay. table F32 [T, 2,
   * R/2] with R ≤ D.
   *
   * @param inverse multiplies by the transpose of the rotation, which is also the gradient; with
   *     scale 1 it rotates back
   */
  void rope(Tensor x, Tensor table, boolean inverse);

  /** x += bias in every row. x compute or F32 [T,I], bias F32 [I]. */
  void addBias(Tensor x, Tensor bias);

  /** dbias F32 [I] += the sum of each column of dy, compute or F32 [T,I]. */
  void addBiasBackward(Tensor dy, Tensor dbias);

  /**
   * y = min(max(x, −limit), limit); NaN stays NaN. x and y compute, equal shapes; y may be x.
   *
   * @param limit at least 0
   */
  void clamp(Tensor x, float limit, Tensor y);

  /**
   * dx = dy where |x| ≤ limit, else 0. x compute, as it was before clamping; dy and dx each compute
   * or F32, of x's shape; dx may be dy.
   */
  void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx);

  /** h = silu(gate)·up. gateUp compute [M,2F] holds gate then up in each row; h compute [M,F]. */
  void swiglu(Tensor gateUp, Tensor h);

  /** dGateUp compute [M,2F] from dh compute [M,F]. */
  void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp);

  /**
   * h = (u + 1)·g·σ(alpha·g) with g = min(gate, limit) and u = min(max(up, −limit), limit). Shapes
   * as in {@link #swiglu}. Source: OpenAI, gpt-oss-120b & gpt-oss-20b Model Card.
   *
   * @param limit at least 0
   */
  void swigluClamped(Tensor gateUp, float alpha, float limit, Tensor h);

  /**
   * dGateUp compute [M,2F] from dh compute [M,F]; 0 where gate > limit or |up| > limit, as the
   * gradient of torch.clamp.
   */
  void swigluClampedBackward(Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp);

  /** y = x·σ(x). x and y compute, equal shapes; y may be x. */
  void silu(Tensor x, Tensor y);

  /** dx = dy·silu'(x). x compute; dy and dx each compute or F32, of x's shape; dx may be dy. */
  void siluBackward(Tensor dy, Tensor x, Tensor dx);
}
