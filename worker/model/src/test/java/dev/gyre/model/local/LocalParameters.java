package dev.gyre.model.local;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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

  public void zeroGradients() {
    gradients.fill((byte) 0);
  }

  @Override
  public Tensor weight(String name, long... dims) {
    boolean own = place(name).spec().precision() == Precision.F32 || compute == DType.F32;
    return own ? view(masters, DType.F32, name, dims) : view(rounded, compute, name, dims);
  }

  @Override
  public Tensor gradient(String name, long... dims) {
    return view(gradients, DType.F32, name, dims);
  }

  @Override
  public void release(int layer) {}

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
