package dev.gyre.model.local;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * All weights of a model in host memory: F32 masters and gradients, and, for BF16 compute, rounded
 * copies.
 */
public final class LocalParameters implements ParameterStore {
  private final List<TensorSpec> specs;
  private final DType compute;
  private final Map<String, Place> places = new HashMap<>();
  private final MemorySegment masters;
  private final MemorySegment gradients;
  private final MemorySegment rounded;
  private final Set<ParameterUnit> entered = new HashSet<>();
  private final List<String> calls = new ArrayList<>();

  /** Where a tensor starts, in elements, and where its precision's tensors end. */
  private record Place(TensorSpec spec, long start, long end) {}

  /**
   * @param specs in canonical order
   * @param arena owns the memory; outlives this store
   */
  public LocalParameters(List<TensorSpec> specs, DType compute, Arena arena) {
    this.specs = List.copyOf(specs);
    this.compute = compute;
    long f32 = place(Precision.F32, 0);
    long all = place(Precision.COMPUTE, f32);
    this.masters = arena.allocate(Math.max(1, all * 4), 64);
    this.gradients = arena.allocate(Math.max(1, all * 4), 64);
    this.rounded =
        compute == DType.F32
            ? MemorySegment.NULL
            : arena.allocate(Math.max(1, all * compute.bytes()), 64);
  }

  private long place(Precision precision, long from) {
    long end = from;
    for (TensorSpec spec : specs) {
      if (spec.precision() == precision) {
        end += spec.elements();
      }
    }
    long at = from;
    for (TensorSpec spec : specs) {
      if (spec.precision() == precision) {
        places.put(spec.name(), new Place(spec, at, end));
        at += spec.elements();
      }
    }
    return end;
  }

  public List<TensorSpec> specs() {
    return specs;
  }

  /** The F32 master of one tensor, to be filled; call {@link #mastersChanged} afterwards. */
  public Tensor master(TensorSpec spec) {
    return view(masters, DType.F32, spec.name(), spec.shape());
  }

  /** Updates the rounded copies, so that kernels use the changed masters. */
  public void mastersChanged(Kernels kernels) {
    if (compute != DType.F32) {
      for (TensorSpec spec : specs) {
        if (spec.precision() == Precision.COMPUTE) {
          kernels.copy(master(spec), view(rounded, compute, spec.name(), spec.shape()));
        }
      }
    }
  }

  /** The F32 gradient of one tensor, outside of a pass. */
  public Tensor gradientOf(TensorSpec spec) {
    return view(gradients, DType.F32, spec.name(), spec.shape());
  }

  public void zeroGradients() {
    gradients.fill((byte) 0);
  }

  @Override
  public Tensor weight(String name, long... dims) {
    requireEntered(name);
    return weightOf(name, dims);
  }

  /** A weight as kernels see it, outside of a pass. */
  public Tensor weightOf(String name, long... dims) {
    boolean own = place(name).spec().precision() == Precision.F32 || compute == DType.F32;
    return own ? view(masters, DType.F32, name, dims) : view(rounded, compute, name, dims);
  }

  @Override
  public Tensor gradient(String name, long... dims) {
    requireEntered(name);
    return view(gradients, DType.F32, name, dims);
  }

  @Override
  public void enter(ParameterUnit unit) {
    if (!entered.add(unit)) {
      throw new IllegalStateException(unit + " is entered twice");
    }
    calls.add("enter " + unit);
  }

  @Override
  public void leave(ParameterUnit unit) {
    if (!entered.remove(unit)) {
      throw new IllegalStateException(unit + " is left but was not entered");
    }
    calls.add("leave " + unit);
  }

  /** All calls so far. */
  public List<String> calls() {
    return calls;
  }

  /** Forgets units that a failed pass has left open. */
  public void forgetUnits() {
    entered.clear();
  }

  private void requireEntered(String name) {
    int layer = place(name).spec().layer();
    boolean there =
        layer >= 0
            ? entered.contains(ParameterUnit.ofLayer(layer))
            : entered.contains(ParameterUnit.HEAD) || entered.contains(ParameterUnit.EMBEDDING);
    if (!there) {
      throw new IllegalStateException(name + " is used outside of its unit");
    }
  }

  private Tensor view(MemorySegment memory, DType dtype, String name, long... dims) {
    Place place = place(name);
    Tensor t = new Tensor(memory.address() + place.start() * dtype.bytes(), dtype, dims);
    if (place.start() + t.elements() > place.end()) {
      throw new IllegalArgumentException(t + " from " + name + " goes past the last tensor");
    }
    return t;
  }

  private Place place(String name) {
    Place place = places.get(name);
    if (place == null) {
      throw new IllegalArgumentException("the model has no weight " + name);
    }
    return place;
  }
}
