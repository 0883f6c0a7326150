package dev.gyre.kernels.torch;

import dev.gyre.kernels.LossKernels;
import dev.gyre.kernels.Tensor;
import org.bytedeco.pytorch.Function;

/** Cross-entropy, sums and the optimizer step, one TorchScript call each. */
final class TorchLoss implements LossKernels {
  private final TorchCall.Wrapping wrapping;
  private final IndexChecks indices;
  private final Function crossEntropy;
  private final Function sum;
  private final Function sumSquares;
  private final Function adamW;

  TorchLoss(Functions functions, TorchCall.Wrapping wrapping, IndexChecks indices) {
    this.wrapping = wrapping;
    this.indices = indices;
    crossEntropy = functions.get("cross_entropy");
    sum = functions.get("sum");
    sumSquares = functions.get("sum_squares");
    adamW = functions.get("adam_w");
  }

  @Override
  public void crossEntropy(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    indices.checkLabels(labels, logits.dim(1));
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(logits).read(labels).real(gradScale).overwrite(losses).run(crossEntropy);
    }
  }

  @Override
  public void sum(Tensor x, Tensor sum) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(sum).run(this.sum);
    }
  }

  @Override
  public void sumSquares(Tensor x, Tensor sum) {
    try (TorchCall call = new TorchCall(wrapping)) {
      call.read(x).update(sum).run(sumSquares);
    }
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
    try (TorchCall call = new TorchCall(wrapping)) {
      call.update(w)
          .update(m)
          .update(v)
          .read(grad)
          .real(gradScale)
          .real(lr)
          .real(beta1)
          .real(beta2)
          .real(eps)
          .real(decay)
          .integer(step)
          .run(adamW);
    }
  }
}
