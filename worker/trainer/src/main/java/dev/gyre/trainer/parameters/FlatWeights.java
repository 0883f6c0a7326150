package dev.gyre.trainer.parameters;

import dev.gyre.comms.Pending;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.model.TensorBox;
import dev.gyre.partitioning.model.TensorSpec;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Tensors of one dtype that the same ranks hold, one after another in flat buffers. Every rank has
 * all weights and its own gradients. It owns master weights and moments of one contiguous part.
 * Source: Rajbhandari et al., ZeRO, stage 1.
 */
final class FlatWeights {
  /** Parts start at multiples of this many elements, a cache line of F32. */
  private static final long ALIGNMENT = Workspace.ALIGNMENT_BYTES / Float.BYTES;

  private final Backend backend;
  private final Kernels kernels;
  private final ProcessGroup replicas;
  private final List<TensorSpec> specs;
  private final Map<String, Integer> index = new HashMap<>();
  private final long[] start;
  private final DType dtype;
  private final long[] partElements;
  private final long[] partBytes;
  private final Tensor gradients;
  private final Tensor weights;
  private final Tensor master;
  private final Tensor firstMoment;
  private final Tensor secondMoment;
  private final List<Update> updates = new ArrayList<>();

  /** Ranks that may still read the gradients of the last reduction. */
  private @Nullable Pending readers;

  /** Elements of the owned part with the same weight decay. */
  private record Update(Tensor master, Tensor m, Tensor v, Tensor gradient, boolean decay) {}

  /**
   * @param name of the memory in messages
   * @param replicas ranks that hold these weights
   * @param arena owns master weights and moments; the transport owns weights and gradients
   */
  FlatWeights(
      String name,
      List<TensorSpec> specs,
      DType dtype,
      ProcessGroup replicas,
      Backend backend,
      Arena arena) {
    this.backend = backend;
    this.kernels = backend.kernels();
    this.replicas = replicas;
    this.specs = specs;
    this.dtype = dtype;
    start = new long[specs.size() + 1];
    for (int i = 0; i < specs.size(); i++) {
      index.put(specs.get(i).name(), i);
      start[i + 1] = start[i] + specs.get(i).elements();
    }
    long all = start[specs.size()];
    partElements = new long[replicas.size() + 1];
    partBytes = new long[replicas.size() + 1];
    long lines = (all + ALIGNMENT - 1) / ALIGNMENT;
    for (int r = 0; r <= replicas.size(); r++) {
      partElements[r] = Math.min(all, ALIGNMENT * EvenCut.start(lines, replicas.size(), r));
      partBytes[r] = partElements[r] * dtype.bytes();
    }
    Transport transport = replicas.transport();
    MemorySegment gradientMemory = transport.allocate(name + " gradients", all * Float.BYTES);
    MemorySegment weightMemory = transport.allocate(name + " weights", all * dtype.bytes());
    gradients = new Tensor(backend.memory(gradientMemory), DType.F32, all);
    weights = new Tensor(backend.memory(weightMemory), dtype, all);
    firstMoment = new Tensor(backend.memory(zeroed(arena)), DType.F32, ownedElements());
    secondMoment = new Tensor(backend.memory(zeroed(arena)), DType.F32, ownedElements());
    // In f32 the owned weights are also the master weights.
    master =
        dtype == DType.F32
            ? weights.slice(ownedFrom(), ownedElements())
            : new Tensor(backend.memory(zeroed(arena)), DType.F32, ownedElements());
    planUpdates();
  }

  private MemorySegment zeroed(Arena arena) {
    return arena.allocate(Math.max(1, ownedElements() * Float.BYTES), Workspace.ALIGNMENT_BYTES);
  }

  private void planUpdates() {
    long from = ownedFrom();
    for (int i = 0; i < specs.size(); ) {
      boolean decay = specs.get(i).weightDecay();
      int end = i;
      while (end < specs.size() && specs.get(end).weightDecay() == decay) {
        end++;
      }
      long first = Math.max(start[i], from);
      long count = Math.min(start[end], from + ownedElements()) - first;
      if (count > 0) {
        updates.add(
            new Update(
                master.slice(first - from, count),
                firstMoment.slice(first - from, count),
                secondMoment.slice(first - from, count),
                gradients.slice(first, count),
                decay));
      }
      i = end;
    }
  }

  private long ownedFrom() {
    return partElements[replicas.rank()];
  }

  private long ownedElements() {
    return partElements[replicas.rank() + 1] - ownedFrom();
  }

  boolean holds(String name) {
    return index.containsKey(name);
  }

  Tensor weight(String name, long[] dims) {
    return view(weights, name, dims);
  }

  Tensor gradient(String name, long[] dims) {
    return view(gradients, name, dims);
  }

  /** A view that starts at the named tensor and covers complete tensors. */
  private Tensor view(Tensor flat, String name, long[] dims) {
    Integer at = index.get(name);
    if (at == null) {
      throw new IllegalArgumentException("no weight '" + name + "' is held here");
    }
    long count = 1;
    for (long d : dims) {
      count = Math.multiplyExact(count, d);
    }
    int end = at;
    while (end < specs.size() && start[end] < start[at] + count) {
      end++;
    }
    if (start[end] != start[at] + count) {
      throw new IllegalArgumentException(
          "%d elements from '%s' on do not end with a tensor".formatted(count, name));
    }
    return flat.slice(start[at], count).reshape(dims);
  }

  void zeroGradients() {
    awaitReaders();
    kernels.fill(gradients, 0);
  }

  /** Scratch that {@link #reduceGradients} needs. */
  long reduceScratchBytes() {
    long largest = 0;
    for (int r = 0; r < replicas.size(); r++) {
      largest = Math.max(largest, partElements[r + 1] - partElements[r]);
    }
    return replicas.reduceScratchBytes(largest);
  }

  void reduceGradients(MemorySegment scratch) {
    if (replicas.size() == 1) {
      return;
    }
    backend.hostReads(gradients);
    backend.hostWrites(gradients);
    readers = replicas.reduceScatterF32(gradients.segment(), partElements, scratch);
  }

  /** Returns when no other rank reads the gradients any more. */
  private void awaitReaders() {
    Pending last = readers;
    if (last != null) {
      readers = null;
      last.await();
    }
  }

  /** Adds the squares of the owned gradients to sum. */
  void addSquares(Tensor sum) {
    kernels.sumSquares(gradients.slice(ownedFrom(), ownedElements()), sum);
  }

  void step(TrainSpec.Optimizer optimizer, double lr, double gradScale, long step) {
    for (Update u : updates) {
      kernels.adamW(
          u.master,
          u.m,
          u.v,
          u.gradient,
          (float) gradScale,
          (float) lr,
          (float) optimizer.beta1(),
          (float) optimizer.beta2(),
          (float) optimizer.eps(),
          u.decay ? (float) optimizer.weightDecay() : 0,
          step);
    }
  }

  /** Rounds the owned master weights into the weights. */
  void round() {
    if (dtype != DType.F32) {
      kernels.copy(master, weights.slice(ownedFrom(), ownedElements()));
    }
  }

  /** All-gathers the weights from their owners. */
  void gather() {
    if (replicas.size() == 1) {
      return;
    }
    long end = ownedFrom() + ownedElements();
    backend.hostReads(weights.slice(ownedFrom(), ownedElements()));
    backend.hostWrites(weights.slice(0, ownedFrom()));
    backend.hostWrites(weights.slice(end, weights.elements() - end));
    replicas.allGather(weights.segment(), partBytes);
    awaitReaders();
  }

  void zeroMoments() {
    kernels.fill(firstMoment, 0);
    kernels.fill(secondMoment, 0);
  }

  /** Until the next kernel the host may read and write them, but only read gradients. */
  void addOwned(List<OwnedSlice> slices) {
    for (Tensor t : List.of(master, firstMoment, secondMoment)) {
      backend.hostReads(t);
      backend.hostWrites(t);
    }
    backend.hostReads(gradients.slice(ownedFrom(), ownedElements()));
    for (int i = 0; i < specs.size(); i++) {
      long first = Math.max(start[i], ownedFrom());
      long count = Math.min(start[i + 1], ownedFrom() + ownedElements()) - first;
      if (count > 0) {
        addRun(specs.get(i), first - start[i], count, first, slices);
      }
    }
  }

  /**
   * @param from first element of the run in its tensor
   * @param first the same element in the flat buffers
   */
  private void addRun(TensorSpec spec, long from, long count, long first, List<OwnedSlice> slices) {
    long next = first;
    for (TensorBox box : TensorBox.ofRun(spec.shape(), from, count)) {
      long elements = box.elements();
      long at = next - ownedFrom();
      slices.add(
          new OwnedSlice(
              spec,
              box,
              master.slice(at, elements).segment(),
              firstMoment.slice(at, elements).segment(),
              secondMoment.slice(at, elements).segment(),
              gradients.slice(next, elements).segment()));
      next += elements;
    }
  }

  /** Weights, gradients, master weights and moments. */
  long byteSize() {
    long owned = ownedElements() * Float.BYTES * (dtype == DType.F32 ? 2 : 3);
    return gradients.byteSize() + weights.byteSize() + owned;
  }
}
