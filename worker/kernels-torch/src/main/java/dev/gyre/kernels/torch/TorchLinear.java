package dev.gyre.kernels.torch;

import dev.gyre.kernels.LinearKernels;
import dev.gyre.kernels.Tensor;
import org.bytedeco.pytorch.Function;

/** Dense and grouped matrix products, one TorchScript call each. */
final class TorchLinear implements LinearKernels {
  private final TorchCall.Wrapping wrapping;
  private final Function linear;
  private final Function linearBackwardInput;
  private final Function linearBackwardWeight;
  private final Function groupedLinear;
  private final Function groupedLinearBackwardInput;
  private final Function groupedLinearBackwardWeight;

  TorchLinear(Functions functions, TorchCall.Wrapping wrapping) {
    this.wrapping = wrapping;
    linear = functions.get("linear");
    linearBackwardInput = functions.get("linear_backward_input");
    linearBackwardWeight = functions.get("linear_backward_weight");
    groupedLinear = functions.get("grouped_linear");
    groupedLinearBackwardInput = functions.get("grouped_linear_backward_input");
    groupedLinearBackwardWeight = functions.get("grouped_linear_backward_weight");
  }

  @Override
  public void linear(Tensor x, Tensor w, Tensor y, boolean accumulate) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(w).result(y, accumulate).flag(accumulate).run(linear);
    }
  }

  @Override
  public void linearBackwardInput(Tensor dy, Tensor w, Tensor dx, boolean accumulate) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(w).result(dx, accumulate).flag(accumulate).run(linearBackwardInput);
    }
  }

  @Override
  public void linearBackwardWeight(Tensor dy, Tensor x, Tensor dw) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).update(dw).run(linearBackwardWeight);
    }
  }

  @Override
  public void groupedLinear(Tensor x, Tensor w, int[] offsets, Tensor y) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).read(w).ints(offsets).overwrite(y).run(groupedLinear);
    }
  }

  @Override
  public void groupedLinearBackwardInput(Tensor dy, Tensor w, int[] offsets, Tensor dx) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(w).ints(offsets).overwrite(dx).run(groupedLinearBackwardInput);
    }
  }

  @Override
  public void groupedLinearBackwardWeight(Tensor dy, Tensor x, int[] offsets, Tensor dw) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(dy).read(x).ints(offsets).update(dw).run(groupedLinearBackwardWeight);
    }
  }
}
