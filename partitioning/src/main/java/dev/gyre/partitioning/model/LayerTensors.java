package dev.gyre.partitioning.model;

import dev.gyre.partitioning.model.TensorSpec.Precision;

/**
 * Describes the tensors of one layer.
 *
 * @param layer number of the layer
 * @param width of the residual stream
 * @param deviation standard deviation of initial weights; 0 for 1/√fan-in
 */
public record LayerTensors(int layer, long width, double deviation) {
  private static final int NO_EXPERT = -1;

  public TensorNames names() {
    return new TensorNames(layer);
  }

  /** Weights [size] of an RMSNorm. */
  TensorSpec norm(String name, long size) {
    return new TensorSpec(
        name, new long[] {size}, Precision.F32, layer, NO_EXPERT, false, new Initialiser.Ones());
  }

  /** A bias [size], or other weights that start at zero and kernels read in F32. */
  TensorSpec bias(String name, long size) {
    return bias(NO_EXPERT, name, size);
  }

  /** A bias [size] of one expert. */
  TensorSpec bias(int expert, String name, long size) {
    return new TensorSpec(
        name, new long[] {size}, Precision.F32, layer, expert, false, new Initialiser.Zeros());
  }

  /** A matrix [out, in]. */
  TensorSpec matrix(String name, long out, long in) {
    return matrix(name, Precision.COMPUTE, NO_EXPERT, out, in);
  }

  /** A matrix [out, in] that kernels read in F32 with any compute dtype. */
  TensorSpec exactMatrix(String name, long out, long in) {
    return matrix(name, Precision.F32, NO_EXPERT, out, in);
  }

  /** A matrix [out, in] of one expert. */
  TensorSpec expert(int expert, String name, long out, long in) {
    return matrix(name, Precision.COMPUTE, expert, out, in);
  }

  private TensorSpec matrix(String name, Precision precision, int expert, long out, long in) {
    return new TensorSpec(
        name,
        new long[] {out, in},
        precision,
        layer,
        expert,
        true,
        Initialiser.ofMatrix(deviation, in));
  }
}
