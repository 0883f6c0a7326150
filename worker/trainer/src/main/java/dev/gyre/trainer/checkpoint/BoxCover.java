package dev.gyre.trainer.checkpoint;

import dev.gyre.partitioning.model.TensorBox;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Checks that boxes hold every element of a tensor exactly once.
 *
 * <p>A sweep along the first dimension stops wherever a box begins or ends. Between two stops the
 * same boxes are open. They must cover the other dimensions exactly once, which the same sweep
 * checks along the next dimension. So boxes are compared only with those that share indices in all
 * outer dimensions: a tensor that is split along one dimension costs a sort.
 */
final class BoxCover {
  /** An element that is not held exactly once. */
  sealed interface Fault {
    /** No box holds these elements. */
    record Missing(TensorBox elements) implements Fault {}

    /**
     * Two boxes hold these elements.
     *
     * @param one place of a box in the list
     * @param other place of the other one
     */
    record Twice(TensorBox elements, int one, int other) implements Fault {}
  }

  private final long[] shape;
  private final List<TensorBox> boxes;

  /** The part of the tensor where the sweep is, in the dimensions before the current one. */
  private final long[] from;

  private final long[] to;

  private BoxCover(long[] shape, List<TensorBox> boxes) {
    this.shape = shape;
    this.boxes = boxes;
    this.from = new long[shape.length];
    this.to = new long[shape.length];
  }

  /**
   * The first fault in row-major order; empty if every element is held exactly once.
   *
   * @param boxes inside the shape
   */
  static Optional<Fault> fault(long[] shape, List<TensorBox> boxes) {
    List<Integer> all = new ArrayList<>();
    for (int i = 0; i < boxes.size(); i++) {
      all.add(i);
    }
    return Optional.ofNullable(new BoxCover(shape, boxes).sweep(all, 0));
  }

  /**
   * @param held boxes that hold all of {@code [from, to)} in the dimensions before dim
   */
  private @Nullable Fault sweep(List<Integer> held, int dim) {
    if (held.isEmpty()) {
      return new Fault.Missing(swept(dim));
    }
    if (dim == shape.length) {
      return held.size() == 1 ? null : new Fault.Twice(swept(dim), held.get(0), held.get(1));
    }
    List<Integer> starting = new ArrayList<>(held);
    starting.sort(Comparator.comparingLong(i -> boxes.get(i).start(dim)));
    List<Integer> open = new ArrayList<>();
    int next = 0;
    for (long at = 0; at < shape[dim]; at = to[dim]) {
      long here = at;
      open.removeIf(i -> boxes.get(i).end(dim) == here);
      while (next < starting.size() && boxes.get(starting.get(next)).start(dim) == here) {
        open.add(starting.get(next++));
      }
      long stop = next < starting.size() ? boxes.get(starting.get(next)).start(dim) : shape[dim];
      for (int i : open) {
        stop = Math.min(stop, boxes.get(i).end(dim));
      }
      from[dim] = here;
      to[dim] = stop;
      Fault fault = sweep(open, dim + 1);
      if (fault != null) {
        return fault;
      }
    }
    return null;
  }

  /** {@code [from, to)} before dim, everything from there on. */
  private TensorBox swept(int dim) {
    long[] offsets = new long[shape.length];
    long[] extents = shape.clone();
    for (int d = 0; d < dim; d++) {
      offsets[d] = from[d];
      extents[d] = to[d] - from[d];
    }
    return new TensorBox(offsets, extents);
  }
}
