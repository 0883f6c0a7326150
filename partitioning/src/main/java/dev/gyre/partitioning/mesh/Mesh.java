package dev.gyre.partitioning.mesh;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.check.NumberRange;
import dev.gyre.partitioning.job.MeshSpec;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * The axes along which the ranks of a run are arranged, and their degrees. The axes of each of
 * {@link #ORDERS} number all ranks, independently of the other orders. An axis is added by its
 * constant of {@link Axis} and its place in an order.
 *
 * @param degrees of the axes in {@link Axis#KEYED}; 1 where left out
 */
public record Mesh(Map<Axis, Integer> degrees) {
  /**
   * The last axis of an order varies fastest, so that Ulysses neighbours share a host, and an
   * expert group is a run of consecutive ranks. The first order defines the number of ranks.
   */
  public static final List<List<Axis>> ORDERS =
      List.of(
          List.of(Axis.DATA, Axis.RING, Axis.ULYSSES), List.of(Axis.EXPERT_REPLICA, Axis.EXPERT));

  public static final NumberRange DEGREE = NumberRange.whole(1, (long) MeshSpec.DEGREE.most());

  public Mesh {
    Map<Axis, Integer> all = new EnumMap<>(Axis.class);
    for (Axis axis : Axis.KEYED) {
      int degree = degrees.getOrDefault(axis, 1);
      DEGREE.require("mesh." + axis.key(), degree);
      all.put(axis, degree);
    }
    degrees = Collections.unmodifiableMap(all);
    long workers = 1;
    for (Axis axis : ORDERS.getFirst()) {
      workers *= all.getOrDefault(axis, 1);
      DEGREE.require("mesh.workers", workers);
    }
    int experts = all.getOrDefault(Axis.EXPERT, 1);
    if (workers % experts != 0) {
      throw new Invalid(
          "mesh.expert-parallel",
          "%d does not divide the %d workers (%s)".formatted(experts, workers, factors(all)));
    }
  }

  public Mesh(int dataParallel, int ring, int ulysses, int expertParallel) {
    this(
        Map.of(
            Axis.DATA,
            dataParallel,
            Axis.RING,
            ring,
            Axis.ULYSSES,
            ulysses,
            Axis.EXPERT,
            expertParallel));
  }

  /** The same mesh with another degree of one axis. */
  public Mesh with(Axis axis, int degree) {
    Map<Axis, Integer> all = new EnumMap<>(degrees);
    all.put(axis, degree);
    return new Mesh(all);
  }

  public int dataParallel() {
    return degree(Axis.DATA);
  }

  public int ring() {
    return degree(Axis.RING);
  }

  public int ulysses() {
    return degree(Axis.ULYSSES);
  }

  public int expertParallel() {
    return degree(Axis.EXPERT);
  }

  public int workers() {
    int workers = 1;
    for (Axis axis : ORDERS.getFirst()) {
      workers *= degree(axis);
    }
    return workers;
  }

  /** Ranks of a group along these axes together. */
  public int degree(Axis... axes) {
    int product = 1;
    for (Axis axis : axes) {
      product *=
          axis == Axis.EXPERT_REPLICA
              ? workers() / degree(Axis.EXPERT)
              : degrees.getOrDefault(axis, 1);
    }
    return product;
  }

  /** A rank's number along an axis. */
  public int place(int rank, Axis axis) {
    return rank / stride(axis) % degree(axis);
  }

  /**
   * The ranks that differ from this one at most along these axes, ascending, itself included.
   *
   * @param axes of one order
   */
  public int[] group(int rank, Axis... axes) {
    List<Axis> along = Arrays.asList(axes);
    int first = rank;
    for (Axis axis : axes) {
      first -= place(rank, axis) * stride(axis);
    }
    IntStream group = IntStream.of(first);
    for (Axis axis : order(along)) {
      if (along.contains(axis)) {
        int stride = stride(axis);
        int degree = degree(axis);
        group = group.flatMap(from -> IntStream.range(0, degree).map(i -> from + i * stride));
      }
    }
    return group.toArray();
  }

  public int[] everyone() {
    return IntStream.range(0, workers()).toArray();
  }

  /** Distance of neighbours along an axis. */
  private int stride(Axis axis) {
    List<Axis> order = order(List.of(axis));
    int stride = 1;
    for (int i = order.size() - 1; order.get(i) != axis; i--) {
      stride *= degree(order.get(i));
    }
    return stride;
  }

  private static List<Axis> order(List<Axis> axes) {
    for (List<Axis> order : ORDERS) {
      if (order.containsAll(axes)) {
        return order;
      }
    }
    throw new IllegalArgumentException(axes + " are in no order of " + ORDERS);
  }

  /** The degrees whose product is the number of workers. */
  public String factors() {
    return factors(degrees);
  }

  private static String factors(Map<Axis, Integer> degrees) {
    return ORDERS.getFirst().stream()
        .map(axis -> axis.key() + " " + degrees.get(axis))
        .collect(Collectors.joining(" × "));
  }

  @Override
  public String toString() {
    return degrees.entrySet().stream()
        .map(degree -> degree.getKey().key() + " " + degree.getValue())
        .collect(Collectors.joining(", "));
  }
}
