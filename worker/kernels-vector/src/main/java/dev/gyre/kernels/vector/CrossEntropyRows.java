package dev.gyre.kernels.vector;

import dev.gyre.kernels.KernelChecks;
import dev.gyre.kernels.Tensor;

/** {@link dev.gyre.kernels.Kernels#crossEntropy}. */
final class CrossEntropyRows extends RowKernel {
  private static final int UNLABELLED = -100;

  private Tensor logits = NONE;
  private Tensor labels = NONE;
  private float gradScale;
  private Tensor losses = NONE;

  CrossEntropyRows(RowThreads threads) {
    super(threads);
  }

  void run(Tensor logits, Tensor labels, float gradScale, Tensor losses) {
    this.logits = logits;
    this.labels = labels;
    this.gradScale = gradScale;
    this.losses = losses;
    over(logits.dim(0), 1, logits);
  }

  @Override
  void rows(long first, long end, Scratch scratch) {
    Tensor logits = this.logits;
    Tensor labels = this.labels;
    Tensor losses = this.losses;
    int vocabulary = Math.toIntExact(logits.dim(1));
    long lanes = scratch.reserve(Scratch.bytes(Simd.LANES));
    for (long t = first; t < end; t++) {
      int label = Simd.index(labels, t);
      KernelChecks.label(t, label, vocabulary);
      long row = logits.address() + 4 * t * vocabulary;
      float loss = 0;
      if (label == UNLABELLED) {
        VectorMove.fill(row, vocabulary, 0);
      } else {
        loss = VectorRows.crossEntropy(row, vocabulary, label, gradScale, lanes);
      }
      Simd.set(losses.address() + 4 * t, loss);
    }
  }
}
