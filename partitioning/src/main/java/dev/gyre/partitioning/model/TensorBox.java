package dev.gyre.partitioning.model;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A rectangular part of a tensor: in each dimension the indices {@code [offset, offset + extent)}.
 * Its own data are its elements in row-major order. A scalar's box has no dimensions and one
 * element. No box is empty.
 *
 * @param offsets first index of each dimension, outermost first
 * @param extents number of indices of each dimension, at least 1
 */
public record TensorBox(long[] offsets, long[] extents) {

  /** Receives runs of elements, in order. */
  @FunctionalInterface
  public interface RunVisitor {
    /**
     * @param from first element of the run in the data of the tensor, or of the first box
     * @param count at least 1
     * @param at first element of the run in the data of the box, or of the second box
     */
    void run(long from, long count, long at);
  }

  /**
   * @throws IllegalArgumentException naming the value and the limit
   */
  public TensorBox {
    if (offsets.length != extents.length) {
      throw new IllegalArgumentException(
          "a box has %d offsets and %d extents".formatted(offsets.length, extents.length));
    }
    offsets = offsets.clone();
    extents = extents.clone();
    long elements = 1;
    for (int d = 0; d < offsets.length; d++) {
      if (offsets[d] < 0 || extents[d] < 1 || offsets[d] > Long.MAX_VALUE - extents[d]) {
        throw new IllegalArgumentException(
            "a box has offset %d and extent %d in dimension %d; at least 0 and 1 are needed"
                .formatted(offsets[d], extents[d], d));
      }
      if (Math.multiplyHigh(elements, extents[d]) != 0 || elements * extents[d] < 0) {
        throw new IllegalArgumentException(
            "a box of extents " + Arrays.toString(extents) + " has more than 2^63 − 1 elements");
      }
      elements *= extents[d];
    }
  }

  /**
   * All of a tensor.
   *
   * @throws IllegalArgumentException if a dimension of the shape is below 1
   */
  public static TensorBox whole(long... shape) {
    return new TensorBox(new long[shape.length], shape);
  }

  /**
   * The fewest boxes that together are a run of a tensor's row-major data, in its order. So their
   * data, one after another, are the run. Of a matrix these are at most the rest of a row, whole
   * rows, and the start of a row.
   *
   * @return empty if count is 0
   * @throws IndexOutOfBoundsException if the elements are not all inside
   */
  public static List<TensorBox> ofRun(long[] shape, long from, long count) {
    int dims = shape.length;
    long[] stride = new long[dims]; // elements from one index of a dimension to the next
    long elements = 1;
    for (int d = dims - 1; d >= 0; d--) {
      stride[d] = elements;
      elements = Math.multiplyExact(elements, shape[d]);
    }
    if (from < 0 || count < 0 || from > elements - count) {
      throw new IndexOutOfBoundsException(
          "elements %d+%d of a tensor %s".formatted(from, count, Arrays.toString(shape)));
    }
    List<TensorBox> boxes = new ArrayList<>();
    long end = from + count;
    for (long at = from; at < end; ) {
      int dim = 0; // the outermost with an index that starts here and ends inside the run
      while (dim < dims && (at % stride[dim] != 0 || end - at < stride[dim])) {
        dim++;
      }
      long[] offsets = new long[dims];
      long[] extents = new long[dims];
      for (int d = 0; d < dims; d++) {
        offsets[d] = at / stride[d] % shape[d];
        extents[d] = d <= dim ? 1 : shape[d];
      }
      if (dim < dims) {
        extents[dim] = Math.min(shape[dim] - offsets[dim], (end - at) / stride[dim]);
      }
      TensorBox box = new TensorBox(offsets, extents);
      boxes.add(box);
      at += box.elements();
    }
    return boxes;
  }

  @Override
  public long[] offsets() {
    return offsets.clone();
  }

  @Override
  public long[] extents() {
    return extents.clone();
  }

  public int dims() {
    return offsets.length;
  }

  /** First index of a dimension. */
  public long start(int dim) {
    return offsets[dim];
  }

  /** The index after the last of a dimension. */
  public long end(int dim) {
    return offsets[dim] + extents[dim];
  }

  public long elements() {
    long n = 1;
    for (long extent : extents) {
      n *= extent; // fits: the constructor checked it
    }
    return n;
  }

  /** Whether a tensor of this shape has all its elements. */
  public boolean isInside(long... shape) {
    if (shape.length != offsets.length) {
      return false;
    }
    for (int d = 0; d < shape.length; d++) {
      if (end(d) > shape[d]) {
        return false;
      }
    }
    return true;
  }

  /**
   * The elements in both boxes; empty if there are none.
   *
   * @throws IllegalArgumentException if the numbers of dimensions differ
   */
  public Optional<TensorBox> intersection(TensorBox other) {
    if (other.offsets.length != offsets.length) {
      throw new IllegalArgumentException(
          "boxes %s and %s have different numbers of dimensions".formatted(this, other));
    }
    for (int d = 0; d < offsets.length; d++) {
      if (start(d) >= other.end(d) || other.start(d) >= end(d)) {
        return Optional.empty();
      }
    }
    long[] first = new long[offsets.length];
    long[] size = new long[offsets.length];
    for (int d = 0; d < first.length; d++) {
      first[d] = Math.max(start(d), other.start(d));
      size[d] = Math.min(end(d), other.end(d)) - first[d];
    }
    return Optional.of(new TensorBox(first, size));
  }

  /**
   * The box's runs in the row-major data of a tensor, as long as possible.
   *
   * @throws IndexOutOfBoundsException if the box is not inside the tensor
   */
  public void forEachRun(long[] shape, RunVisitor visitor) {
    if (!isInside(shape)) {
      throw new IndexOutOfBoundsException(
          "box %s of a tensor %s".formatted(this, Arrays.toString(shape)));
    }
    forEachShared(whole(shape), this, visitor);
  }

  /**
   * The runs of the elements in both boxes that are contiguous in the data of both, as long as
   * possible.
   *
   * @throws IllegalArgumentException if the numbers of dimensions differ
   */
  public static void forEachShared(TensorBox first, TensorBox second, RunVisitor visitor) {
    TensorBox shared = first.intersection(second).orElse(null);
    if (shared == null) {
      return;
    }
    int dim = shared.dims(); // a run takes all shared indices from this dimension on
    long count = 1;
    boolean all = true; // whether both boxes have no others in the dimensions from dim on
    while (dim > 0 && all) {
      dim--;
      count *= shared.extents[dim];
      all = shared.extents[dim] == first.extents[dim] && shared.extents[dim] == second.extents[dim];
    }
    long[] index = shared.offsets.clone();
    boolean more = true;
    while (more) {
      visitor.run(first.position(index), count, second.position(index));
      int d = dim - 1;
      while (d >= 0 && ++index[d] == shared.end(d)) {
        index[d] = shared.offsets[d];
        d--;
      }
      more = d >= 0;
    }
  }

  /** Place in the box's own data of an element that it holds. */
  public long position(long[] index) {
    long position = 0;
    for (int d = 0; d < index.length; d++) {
      position = position * extents[d] + index[d] - offsets[d];
    }
    return position;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TensorBox box
        && Arrays.equals(offsets, box.offsets)
        && Arrays.equals(extents, box.extents);
  }

  @Override
  public int hashCode() {
    return 31 * Arrays.hashCode(offsets) + Arrays.hashCode(extents);
  }

  /** {@code [0:16, 5:8]}: first index and the index after the last, of each dimension. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("[");
    for (int d = 0; d < offsets.length; d++) {
      text.append(d == 0 ? "" : ", ").append(start(d)).append(':').append(end(d));
    }
    return text.append(']').toString();
  }
}
