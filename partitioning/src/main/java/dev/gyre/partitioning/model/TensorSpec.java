package dev.gyre.partitioning.model;

import java.util.Arrays;

/**
 * One weight tensor.
 *
 * @param name as in {@link TensorNames}
 * @param shape dims, outermost first
 * @param precision dtype class for kernels; the master copy is always F32
 * @param layer decoder layer, or −1 outside of the layers
 * @param expert expert inside its layer, or −1 for a dense weight, which every rank holds
 * @param weightDecay whether AdamW decays it: matrices except the embedding
 */
public record TensorSpec(
    String name,
    long[] shape,
    Precision precision,
    int layer,
    int expert,
    boolean weightDecay,
    Initialiser initialiser) {

  /** Dtype class of a weight in kernels. */
  public enum Precision {
    /** Always F32: norms, biases and routers. */
    F32,
    /** The run's compute dtype. */
    COMPUTE
  }

  public TensorSpec {
    shape = shape.clone();
  }

  /** The same tensor without weight decay. */
  TensorSpec withoutDecay() {
    return new TensorSpec(name, shape, precision, layer, expert, false, initialiser);
  }

  /** Whether it has one dimension: a norm or a bias. */
  public boolean isVector() {
    return shape.length == 1;
  }

  /** Whether it has a gradient: all but the bias that a router chooses experts with. */
  public boolean trained() {
    return !name.endsWith(TensorNames.SELECTION_BIAS);
  }

  public boolean isExpert() {
    return expert >= 0;
  }

  /** The box of all its elements. */
  public TensorBox whole() {
    return TensorBox.whole(shape);
  }

  public long elements() {
    long n = 1;
    for (long d : shape) {
      n = Math.multiplyExact(n, d);
    }
    return n;
  }

  @Override
  public String toString() {
    return name + Arrays.toString(shape);
  }
}
