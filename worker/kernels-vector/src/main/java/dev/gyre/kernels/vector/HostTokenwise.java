package dev.gyre.kernels.vector;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.TokenwiseKernels;

/** Norm, rotary positions and activations, row by row on the threads. */
final class HostTokenwise implements TokenwiseKernels {
  private final Scratch scratch;
  private final RmsNormRows rmsNorm;
  private final RmsNormBackwardRows rmsNormBackward;
  private final RopeRows rope;
  private final SwigluRows swiglu;
  private final SwigluBackwardRows swigluBackward;
  private final SiluRows silu;
  private final SiluBackwardRows siluBackward;

  HostTokenwise(RowThreads threads, Scratch scratch) {
    this.scratch = scratch;
    rmsNorm = new RmsNormRows(threads);
    rmsNormBackward = new RmsNormBackwardRows(threads, scratch);
    rope = new RopeRows(threads);
    swiglu = new SwigluRows(threads);
    swigluBackward = new SwigluBackwardRows(threads);
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
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    RopeRows.table(positions, theta, table, scratch);
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    rope.run(x, table, inverse);
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
  public void silu(Tensor x, Tensor y) {
    silu.run(x, y);
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    siluBackward.run(dy, x, dx);
  }
}
