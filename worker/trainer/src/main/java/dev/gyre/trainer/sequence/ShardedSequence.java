package dev.gyre.trainer.sequence;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.port.SequenceRow;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.SchedulePass;
import dev.gyre.trainer.exchange.TensorExchange;
import dev.gyre.trainer.exchange.Transfers;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The ranks that share rows, and how they attend over them. Opens rows; several may be open at
 * once. Single-threaded.
 */
public final class ShardedSequence {
  final Backend backend;
  final Kernels kernels;
  private final Mesh mesh;
  private final int rank;
  final ProcessGroup row;
  final DType compute;
  private final HeadSplit split;
  final int allHeads;
  final int allKvHeads;
  final ScheduleEngine ring;
  private final TensorExchange headExchange;
  final long heads;
  private final long firstHead;
  final long kvHeads;
  final int headDim;
  private final int[] kvHeadOf;
  private final TensorExchange rowExchange;

  /** Of the last row that was opened. */
  private final Map<AttentionMask, Programs> newest = new HashMap<>();

  /** The ring's programs of one attention mask. */
  record Programs(AttentionSchedule schedule, CompiledProgram forward, CompiledProgram backward) {}

  /**
   * @param compute F32 or BF16
   */
  public ShardedSequence(
      Transport transport, Mesh mesh, Backend backend, ModelSpec model, DType compute) {
    this(transport, mesh, backend, model, compute, ScheduleEngine.Overlap.ON);
  }

  ShardedSequence(
      Transport transport,
      Mesh mesh,
      Backend backend,
      ModelSpec model,
      DType compute,
      ScheduleEngine.Overlap overlap) {
    this.backend = backend;
    this.kernels = backend.kernels();
    this.mesh = mesh;
    this.rank = transport.rank();
    this.compute = compute;
    this.row = group(transport, mesh.group(rank, Axis.RING, Axis.ULYSSES));
    this.headExchange =
        new TensorExchange(backend, group(transport, mesh.group(rank, Axis.ULYSSES)));
    this.split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
    this.allHeads = model.heads().queries();
    this.allKvHeads = model.heads().keyValues();
    HeadSplit.Part part = split.parts().get(mesh.place(rank, Axis.ULYSSES));
    this.heads = part.queryHeads();
    this.firstHead = part.firstQueryHead();
    this.kvHeads = part.kvHeads();
    this.headDim = model.heads().size();
    this.ring =
        new ScheduleEngine(
            backend,
            new Transfers(backend, group(transport, mesh.group(rank, Axis.RING))),
            part.kvHeadOf(),
            part.kvHeads(),
            model.heads().size(),
            compute,
            overlap);
    this.rowExchange = new TensorExchange(backend, row);
    this.kvHeadOf = model.heads().kvHeadOf();
  }

  private static ProcessGroup group(Transport transport, int[] ranks) {
    return new ProcessGroup(transport, ranks, Channel.SEQUENCE);
  }

  /** This rank's part of a value for each query head. */
  Tensor ofOwnHeads(Tensor values) {
    return values.slice(firstHead, heads);
  }

  /**
   * Opens a row. The schedule of the last row with a mask is not prepared again.
   *
   * @param schedules the ring's schedule for each attention mask of the model
   * @param linear layout of linear layers; null for a model without any
   * @param workspace takes a few index tensors, which must live as long as the row is worked on
   */
  public SequenceRow open(
      SequenceLayout layout,
      Map<AttentionMask, AttentionSchedule> schedules,
      @Nullable LinearAttentionLayout linear,
      Workspace workspace) {
    if (layout.ring() != mesh.ring() || layout.ulysses() != mesh.ulysses()) {
      throw new IllegalArgumentException(
          "layout for ring %d × ulysses %d on a mesh of ring %d × ulysses %d"
              .formatted(layout.ring(), layout.ulysses(), mesh.ring(), mesh.ulysses()));
    }
    int ringRank = mesh.place(rank, Axis.RING);
    int[] ringTokens = layout.ringTokens();
    schedules.forEach(
        (mask, schedule) -> {
          Programs known = newest.get(mask);
          if (known == null || !known.schedule.equals(schedule)) {
            newest.put(mask, compile(schedule, ringRank, ringTokens));
          }
        });
    newest.keySet().retainAll(schedules.keySet());
    return new ShardedRow(
        this,
        Map.copyOf(newest),
        layout.tokens(ringRank, mesh.place(rank, Axis.ULYSSES)),
        mesh.ulysses() == 1
            ? null
            : new UlyssesExchange(
                backend, headExchange, split, allHeads, allKvHeads, layout, ringRank, workspace),
        linear == null
            ? null
            : new StatePassing(
                backend, rowExchange, kvHeadOf, allKvHeads, headDim, compute, linear, workspace));
  }

  private static Programs compile(AttentionSchedule schedule, int ringRank, int[] ringTokens) {
    return new Programs(
        schedule,
        compile(schedule.kind(), SchedulePass.FORWARD, schedule.forward(), ringRank, ringTokens),
        compile(schedule.kind(), SchedulePass.BACKWARD, schedule.backward(), ringRank, ringTokens));
  }

  private static CompiledProgram compile(
      String kind, SchedulePass pass, List<Program> programs, int ringRank, int[] ringTokens) {
    return new CompiledProgram(kind, pass, programs.get(ringRank), ringRank, ringTokens);
  }
}
