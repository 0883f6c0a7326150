package dev.gyre.trainer.parameters;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.parameters.InitialWeights;
import dev.gyre.model.parameters.ModelParameters;
import dev.gyre.model.parameters.ParameterSpec;
import dev.gyre.model.parameters.ParameterSpec.Precision;
import dev.gyre.model.port.ParameterStore;
import dev.gyre.partitioning.job.ModelSpec;
import dev.gyre.partitioning.job.TrainSpec;
import dev.gyre.partitioning.mesh.EvenCut;
import dev.gyre.partitioning.mesh.Mesh;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * All weights this rank computes with, and its share of the optimizer. Dense weights are held by
 * every worker and their optimizer state is sharded over all of them; an expert's weights are held
 * by the ranks with that expert, and sharded over those. Gradients are partial sums, added in rank
 * order.
 *
 * <p>A step: {@link #zeroGradients}, forward and backward of the micro-batches, {@link
 * #reduceGradients}, {@link #squaredNorm}, {@link #step}. The methods that exchange anything must
 * be called by every rank, in the same order. Single-threaded.
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
   * Memory is taken here: weights and gradients from the transport, the rest from the arena (a
   * shared one, as transports receive into it), all zeroed.
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
        new ProcessGroup(transport, mesh.expertReplicas(rank), Channel.GRADIENTS);
    int x = mesh.expertParallel();
    int experts = model.numLocalExperts();
    List<ParameterSpec> held =
        ModelParameters.held(
            model,
            (int) EvenCut.start(experts, x, mesh.expertRank(rank)),
            (int) EvenCut.count(experts, x, mesh.expertRank(rank)));
    List<ParameterSpec> exact = new ArrayList<>();
    List<ParameterSpec> dense = new ArrayList<>();
    List<ParameterSpec> expert = new ArrayList<>();
    for (ParameterSpec spec : held) {
      List<ParameterSpec> list =
          spec.isExpert() ? expert : spec.precision() == Precision.F32 ? exact : dense;
      list.add(spec);
    }
    groups.add(new FlatWeights("norm and router", exact, DType.F32, everyone, backend, arena));
    groups.add(new FlatWeights("dense", dense, compute, everyone, backend, arena));
    if (!expert.isEmpty()) {
      groups.add(new FlatWeights("expert", expert, compute, replicas, backend, arena));
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

  @Override
  public void release(int layer) {} // every rank holds all it computes with

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
    load((spec, from, count, into) -> InitialWeights.fill(spec, seed, from, count, into));
  }

  /** Weights from elsewhere; moments zero. */
  public void load(WeightSource source) {
    for (OwnedSlice slice : ownedSlices()) {
      source.read(slice.spec(), slice.from(), slice.count(), slice.master());
    }
    for (FlatWeights g : groups) {
      g.zeroMoments();
    }
    publishWeights();
  }

  /**
   * What this rank owns, in canonical order, for the host to read until the next kernel. Master
   * weights and moments may be written, by a checkpoint for example; then {@link #publishWeights}
   * must follow on every rank.
   */
  public List<OwnedSlice> ownedSlices() {
    List<OwnedSlice> slices = new ArrayList<>();
    for (FlatWeights g : groups) {
      g.addOwned(slices);
    }
    return List.copyOf(slices);
  }

  /** Every rank gets all weights it computes with from the masters of their owners. */
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

  /** Afterwards the owned slices' gradients are sums over all ranks. */
  public void reduceGradients() {
    transport.where().phase("gradients reduce-scatter");
    for (FlatWeights g : groups) {
      g.reduceGradients(reduceScratch);
    }
  }

  /**
   * ‖g‖² over every distinct parameter of the model, once each, after {@link #reduceGradients}; the
   * same bits on every rank.
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
