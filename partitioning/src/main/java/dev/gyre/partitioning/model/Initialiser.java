package dev.gyre.partitioning.model;

/** Initial values of a tensor. */
public sealed interface Initialiser {
  /** All ones: norm weights. */
  record Ones() implements Initialiser {}

  /** All zeros: biases. */
  record Zeros() implements Initialiser {}

  /** Independent normal values of mean 0. */
  record Normal(double standardDeviation) implements Initialiser {}

  /**
   * @param deviation standard deviation; 0 for 1/√fan-in
   */
  static Initialiser ofMatrix(double deviation, long fanIn) {
    return new Normal(deviation > 0 ? deviation : 1 / Math.sqrt((double) fanIn));
  }
}
