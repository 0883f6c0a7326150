package dev.gyre.model.parameters;

/** Initial values of a tensor. */
public sealed interface Initialiser {
  /** All ones: norm weights. */
  record Ones() implements Initialiser {}

  /** Independent normal values of mean 0. */
  record Normal(double standardDeviation) implements Initialiser {}
}
