package dev.gyre.kernels.torch;

import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.TokenwiseKernels;
import org.bytedeco.pytorch.Function;

/** Norm, rotary positions, biases and activations, one TorchScript call each. */
final class TorchTokenwise implements TokenwiseKernels {
  private final TorchCall.Wrapping wrapping;
  private final Function rmsNorm;
  private final Function rmsNormBackward;
  private final Function ropeTable;
  private final Function rope;
  private final Function addBias;
  private final Function addBiasBackward;
  private final Function clamp;
  private final Function clampBackward;
  private final Function swiglu;
  private final Function swigluBackward;
  private final Function swigluClamped;
  private final Function swigluClampedBackward;
  private final Function silu;
  private final Function siluBackward;

  TorchTokenwise(Functions functions, TorchCall.Wrapping wrapping) {
    this.wrapping = wrapping;
    rmsNorm = functions.get("rms_norm");
    rmsNormBackward = functions.get("rms_norm_backward");
    ropeTable = functions.get("rope_table");
    rope = functions.get("rope");
    addBias = functions.get("add_bias");
    addBiasBackward = functions.get("add_bias_backward");
    clamp = functions.get("clamp");
    clampBackward = functions.get("clamp_backward");
    swiglu = functions.get("swiglu");
    swigluBackward = functions.get("swiglu_backward");
    swigluClamped = functions.get("swiglu_clamped");
    swigluClampedBackward = functions.get("swiglu_clamped_backward");
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
  public void ropeTable(Tensor positions, double[] frequencies, double scale, Tensor table) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(positions).reals(frequencies).real(scale).overwrite(table).run(ropeTable);
    }
  }

  @Override
  public void rope(Tensor x, Tensor table, boolean inverse) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).read(table).flag(inverse).run(rope);
    }
  }

  @Override
  public void addBias(Tensor x, Tensor bias) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(x).read(bias).run(addBias);
    }
  }

  @Override
  public void addBiasBackward(Tensor dy, Tensor dbias) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).update(dbias).run(addBiasBackward);
    }
  }

  @Override
  public void clamp(Tensor x, float limit, Tensor y) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).real(limit).overwrite(y).run(clamp);
    }
  }

  @Override
  public void clampBackward(Tensor dy, Tensor x, float limit, Tensor dx) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).real(limit).overwrite(dx).run(clampBackward);
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
  public void swigluClamped(Tensor gateUp, float alpha, float limit, Tensor h) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(gateUp).real(alpha).real(limit).overwrite(h).run(swigluClamped);
    }
  }

  @Override
  public void swigluClampedBackward(
      Tensor dh, Tensor gateUp, float alpha, float limit, Tensor dGateUp) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dh)
          .read(gateUp)
          .real(alpha)
          .real(limit)
          .overwrite(dGateUp)
          .run(swigluClampedBackward);
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
