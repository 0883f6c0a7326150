package dev.gyre.trainer.parameters;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.model.port.ParameterUnit;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.model.TensorSpec;
import dev.gyre.partitioning.model.TensorSpec.Precision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * All weights that this rank computes with, and its shard of the optimizer state. Dense weights are
 * held by every worker and their optimizer state is sharded over all of them; an expert's weights
 * are held by the ranks with that expert, and sharded over those. Gradients are partial sums, added
 * in rank order.
 *
 * <p>A step: {@link #zeroGradients}, forward and backward of the micro-batches, {@link
 * #reduceGradients}, {@link #squaredNorm}, {@link #step}. Methods with collectives must be called
 * by every rank, in the same order. Single-threaded.
 */
public final class ShardedParameters implements ParameterStore {
  private final Backend backend;
  private final Transport transport;
  private final ProcessGroup everyone;
  private final List<FlatWeights> groups = new ArrayList<>();
  private final MemorySegment reduceScratch;
  private final Tensor squares;
  private final double[] norm = new double[1];

  /**
   * Allocates all memory, zeroed: weights and gradients from the transport, the rest from the
   * arena. The arena must be shared, because transports receive into it.
   *
   * @param compute F32 or BF16
   */
  public ShardedParameters(
      Transport transport,
      Mesh mesh,
      Backend backend,
      ModelSpec model,
      DType compute,
      Arena arena) {
    this.backend = backend;
    this.transport = transport;
    int rank = transport.rank();
    everyone = new ProcessGroup(transport, mesh.everyone(), Channel.GRADIENTS);
    ProcessGroup replicas =
        new ProcessGroup(transport, mesh.group(rank, Axis.EXPERT_REPLICA), Channel.GRADIENTS);
    int x = mesh.expertParallel();
    int experts = model.experts();
    List<TensorSpec> held =
        model.tensors(
            (int) EvenCut.start(experts, x, mesh.place(rank, Axis.EXPERT)),
            (int) EvenCut.count(experts, x, mesh.place(rank, Axis.EXPERT)));
    for (Precision precision : Precision.values()) {
      boolean exact = precision == Precision.F32;
      DType dtype = exact ? DType.F32 : compute;
      String kind = exact ? " f32" : "";
      List<TensorSpec> dense = new ArrayList<>();
      List<TensorSpec> expert = new ArrayList<>();
      for (TensorSpec spec : held) {
        if (spec.precision() == precision) {
          (spec.isExpert() ? expert : dense).add(spec);
        }
      }
      groups.add(new FlatWeights("dense" + kind, dense, dtype, everyone, backend, arena));
      if (!expert.isEmpty()) {
        groups.add(new FlatWeights("expert" + kind, expert, dtype, replicas, backend, arena));
      }
    }
    long scratch = 1;
    for (FlatWeights g : groups) {
      scratch = Math.max(scratch, g.reduceScratchBytes());
    }
    reduceScratch = arena.allocate(scratch, Workspace.ALIGNMENT_BYTES);
    squares = new Tensor(backend.memory(arena.allocate(Double.BYTES, 64)), DType.F64, 1);
  }

  @Override
  public Tensor weight(String name, long... dims) {
    return groupOf(name).weight(name, dims);
  }

  @Override
  public Tensor gradient(String name, long... dims) {
    return groupOf(name).gradient(name, dims);
  }

  /** Nothing to gather: every rank holds all its weights all the time. */
  @Override
  public void enter(ParameterUnit unit) {}

  @Override
  public void leave(ParameterUnit unit) {}

  private FlatWeights groupOf(String name) {
    for (int i = 0; i < groups.size(); i++) {
      if (groups.get(i).holds(name)) {
        return groups.get(i);
      }
    }
    throw new IllegalArgumentException("rank " + transport.rank() + " holds no weight " + name);
  }

  /** Initial weights, a function of the seed alone; moments zero. */
  public void initialise(long seed) {
    load((spec, box, into) -> InitialWeights.fill(spec, seed, box, into));
  }

  /** Loads weights from a source; moments are zero. */
  public void load(WeightSource source) {
    for (OwnedSlice slice : ownedSlices()) {
      source.read(slice.spec(), slice.box(), slice.master());
    }
    for (FlatWeights g : groups) {
      g.zeroMoments();
    }
    publishWeights();
  }

  /**
   * The slices that this rank owns, in canonical order. The host may read them until the next
   * kernel. It may write master weights and moments, for example from a checkpoint; then every rank
   * must call {@link #publishWeights}.
   */
  public List<OwnedSlice> ownedSlices() {
    List<OwnedSlice> slices = new ArrayList<>();
    for (FlatWeights g : groups) {
      g.addOwned(slices);
    }
    return List.copyOf(slices);
  }

  /** Rounds the owned master weights and all-gathers the weights. */
  public void publishWeights() {
    transport.where().phase("weights all-gather");
    for (FlatWeights g : groups) {
      g.round();
    }
    for (FlatWeights g : groups) {
      g.gather();
    }
  }

  public void zeroGradients() {
    for (FlatWeights g : groups) {
      g.zeroGradients();
    }
  }

  /** Reduce-scatters gradients: afterwards those of the owned slices are sums over all ranks. */
  public void reduceGradients() {
    transport.where().phase("gradients reduce-scatter");
    for (FlatWeights g : groups) {
      g.reduceGradients(reduceScratch);
    }
  }

  /**
   * ‖g‖² over every parameter of the model, counted once, after {@link #reduceGradients}; the same
   * bits on every rank.
   */
  public double squaredNorm() {
    transport.where().phase("gradient norm");
    backend.kernels().fill(squares, 0);
    for (FlatWeights g : groups) {
      g.addSquares(squares);
    }
    backend.hostReads(squares);
    norm[0] = squares.segment().get(ValueLayout.JAVA_DOUBLE, 0);
    everyone.sum(norm);
    return norm[0];
  }

  /**
   * AdamW on what this rank owns, then {@link #publishWeights}.
   *
   * @param lr this step's learning rate
   * @param gradScale factor on the gradients, for clipping
   * @param step from 1
   */
  public void step(TrainSpec.Optimizer optimizer, double lr, double gradScale, long step) {
    transport.where().phase("optimizer");
    for (FlatWeights g : groups) {
      g.step(optimizer, lr, gradScale, step);
    }
    publishWeights();
  }

  /** Bytes of weights, gradients and optimizer state on this rank. */
  public long byteSize() {
    long bytes = reduceScratch.byteSize();
    for (FlatWeights g : groups) {
      bytes += g.byteSize();
    }
    return bytes;
  }
}
