package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.TokenwiseKernels;

/** Norm, rotary positions, biases and activations, row by row on the threads. */
final class HostTokenwise implements TokenwiseKernels {
  private final RmsNormRows rmsNorm;
  private final RmsNormBackwardRows rmsNormBackward;
  private final RopeRows rope;
  private final BiasRows addBias;
  private final BiasBackwardRows addBiasBackward;
  private final ClampRows clamp;
  private final ClampBackwardRows clampBackward;
  private final SwigluRows swiglu;
  private final SwigluBackwardRows swigluBackward;
  private final SwigluClampedRows swigluClamped;
  private final SwigluClampedBackwardRows swigluClampedBackward;
  private final SiluRows silu;
  private final SiluBackwardRows siluBackward;

  HostTokenwise(RowThreads threads, Scratch scratch) {
    rmsNorm = new RmsNormRows(threads);
    rmsNormBackward = new RmsNormBackwardRows(threads, scratch);
    rope = new RopeRows(threads);
    addBias = new BiasRows(threads);
    addBiasBackward = new BiasBackwardRows(threads, scratch);
    clamp = new ClampRows(threads);
    clampBackward = new ClampBackwardRows(threads);
    swiglu = new SwigluRows(threads);
    swigluBackward = new SwigluBackwardRows(threads);
    swigluClamped = new SwigluClampedRows(threads);
    swigluClampedBackward = new SwigluClampedBackwardRows(threads);
    silu = new SiluRows(threads);
    siluBackward = new SiluBackwardRows(threads);
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    rmsNorm.run(x, weight, eps, y, rstd);
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    rmsNormBackward.run(dy, x, weight, rstd, dx, dweight);
  }

  @Override
  public void ropeTable(Tensor positions, double[] frequencies, double scale, Tensor table) {
    RopeRows.table(positions, frequencies, scale, table);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    rope.run(x, table, inverse);
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    addBias.run(x, bias);
  }

  @Override
  public void addBiasBackward(Tensor dy, Tensor dbias) {
    addBiasBackward.run(dy, dbias);
  }

  @Override
  public void clamp(Tensor x, float limit, Tensor y) {
    clamp.run(x, limit, y);
  }

  @Override
  public void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx) {
    clampBackward.run(dy, x, limit, dx);
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    swiglu.run(gateUp, h);
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    swigluBackward.run(dh, gateUp, dGateUp);
  }

  @Override
  public void swigluClamped(Tensor gateUp, float alpha, float limit, Tensor h) {
    swigluClamped.run(gateUp, alpha, limit, h);
  }

  @Override
  public void swigluClampedBackward(
      Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp) {
    swigluClampedBackward.run(dh, gateUp, alpha, limit, dGateUp);
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    silu.run(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    siluBackward.run(dy, x, dx);
  }
}
