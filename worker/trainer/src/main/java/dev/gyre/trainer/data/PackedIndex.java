package dev.gyre.trainer.data;

/** The rows of one epoch, in the order they are trained on. Immutable. */
interface PackedIndex {
  int rows();

  PackedRow row(int row);

  PackStats stats();
}
