package dev.gyre.model;

import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.partitioning.model.Activation;

/** The kernels of an {@link Activation}. */
interface GateKernel {
  /** h compute [M,F] from gateUp compute [M,2F], gate then up in each row. */
  void forward(Tensor gateUp, Tensor h);

  void backward(Tensor dh, Tensor gateUp, Tensor dGateUp);

  static GateKernel of(Activation activation, Kernels kernels) {
    return switch (activation) {
      case Activation.Swiglu() -> new Swiglu(kernels);
      case Activation.ClampedSwiglu(double alpha, double limit) ->
          new Clamped(kernels, (float) alpha, (float) limit);
    };
  }

  /** silu(gate)·up. */
  record Swiglu(Kernels kernels) implements GateKernel {
    @Override
    public void forward(Tensor gateUp, Tensor h) {
      kernels.swiglu(gateUp, h);
    }

    @Override
    public void backward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
      kernels.swigluBackward(dh, gateUp, dGateUp);
    }
  }

  /** With clamped gate and up. */
  record Clamped(Kernels kernels, float alpha, float limit) implements GateKernel {
    @Override
    public void forward(Tensor gateUp, Tensor h) {
      kernels.swigluClamped(gateUp, alpha, limit, h);
    }

    @Override
    public void backward(Tensor dh, Tensor gateUp, Tensor dGateUp) {
      kernels.swigluClampedBackward(dh, gateUp, alpha, limit, dGateUp);
    }
  }
}
