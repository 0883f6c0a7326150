package dev.gyre.kernels;

/**
 * Kernels that compute each token independently: norm, rotary positions, activations. The legend of
 * shapes and the common rules are in {@link Kernels}.
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
   * table[t] = (cos, sin)(positions[t] · theta^(−2i/D)) for i below D/2: F32 [T, 2, D/2], angles
   * reduced in double. positions I32 [T]. Source: Su et al., RoFormer, eq. 15.
   */
  void ropeTable(Tensor positions, double theta, Tensor table);

  /**
   * Rotates x compute or F32 [T,H,D] in place, pairing element i with i + D/2 (the "rotate half"
   * convention); {@code inverse} rotates back, which is also the gradient. D is even.
   */
  void rope(Tensor x, Tensor table, boolean inverse);

  /** h = silu(gate)·up. gateUp compute [M,2F] holds gate then up in each row; h compute [M,F]. */
  void swiglu(Tensor gateUp, Tensor h);

  /** dGateUp compute [M,2F] from dh compute [M,F]. */
  void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp);

  /** y = x·σ(x). x and y compute, equal shapes; y may be x. */
  void silu(Tensor x, Tensor y);

  /** dx = dy·silu'(x). x compute; dy and dx each compute or F32, of x's shape; dx may be dy. */
  void siluBackward(Tensor dy, Tensor x, Tensor dx);
}
