package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.TokenwiseKernels;
import org.bytedeco.pytorch.Function;

/** Norm, rotary positions and activations, one TorchScript call each. */
final class TorchTokenwise implements TokenwiseKernels {
  private final TorchCall.Wrapping wrapping;
  private final Function rmsNorm;
  private final Function rmsNormBackward;
  private final Function ropeTable;
  private final Function rope;
  private final Function swiglu;
  private final Function swigluBackward;
  private final Function silu;
  private final Function siluBackward;

  TorchTokenwise(Functions functions, TorchCall.Wrapping wrapping) {
    this.wrapping = wrapping;
    rmsNorm = functions.get("rms_norm");
    rmsNormBackward = functions.get("rms_norm_backward");
    ropeTable = functions.get("rope_table");
    rope = functions.get("rope");
    swiglu = functions.get("swiglu");
    swigluBackward = functions.get("swiglu_backward");
    silu = functions.get("silu");
    siluBackward = functions.get("silu_backward");
  }

  @Override
  public void rmsNorm(Tensor x, Tensor weight, float eps, Tensor y, Tensor rstd) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(weight).real(eps).overwrite(y).overwrite(rstd).run(rmsNorm);
    }
  }

  @Override
  public void rmsNormBackward(
      Tensor dy, Tensor x, Tensor weight, Tensor rstd, Tensor dx, Tensor dweight) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).read(weight).read(rstd).update(dx).update(dweight).run(rmsNormBackward);
    }
  }

  @Override
  public void ropeTable(Tensor positions, double theta, Tensor table) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(positions).real(theta).overwrite(table).run(ropeTable);
    }
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).read(table).flag(inverse).run(rope);
    }
  }

  @Override
  public void swiglu(Tensor gateUp, Tensor h) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(gateUp).overwrite(h).run(swiglu);
    }
  }

  @Override
  public void swigluBackward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dh).read(gateUp).overwrite(dGateUp).run(swigluBackward);
    }
  }

  @Override
  public void silu(Tensor x, Tensor y) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).overwrite(y).run(silu);
    }
  }

  @Override
  public void siluBackward(Tensor dy, Tensor x, Tensor dx) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).overwrite(dx).run(siluBackward);
    }
  }
}
