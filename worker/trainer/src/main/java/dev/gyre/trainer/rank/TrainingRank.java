package dev.gyre.trainer.rank;

import static java.util.Objects.requireNonNull;

import dev.gyre.comms.Channel;
import dev.gyre.comms.ProcessGroup;
import dev.gyre.comms.Transport;
import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Workspace;
import dev.gyre.model.DecoderModel;
import dev.gyre.model.Observer;
import dev.gyre.model.PassInput;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.layout.TokenRange;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Axis;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.plan.PlanValidator;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.trainer.experts.ShardedExperts;
import dev.gyre.trainer.parameters.ShardedParameters;
import dev.gyre.trainer.rank.RowOpener.OpenRow;
import dev.gyre.trainer.sequence.ShardedSequence;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One rank of a run: a model whose ports reach the other ranks, and the memory of its steps. The
 * caller owns the transport and the backend, which must outlive it. Single-threaded. A micro-batch:
 *
 * <pre>{@code
 * RowPart part = rank.layOut(documents);
 * try (PreparedRow row = rank.prepare(part, source, totals)) {
 *   StepSums sums = row.forwardBackward(rank.observer(Observer.NONE));
 * }
 * }</pre>
 */
public final class TrainingRank implements AutoCloseable {
  /** Row shapes whose layout and schedule are cached: the micro-steps of a repeated batch. */
  private static final int KEPT_PARTS = 16;

  private final RankSpec spec;
  private final Transport transport;
  private final Backend backend;
  private final Arena arena;
  private final Workspace workspace;
  private final RowOpener rows;
  private final ShardedParameters parameters;
  private final OffloadStores stores;
  private final DecoderModel model;
  private final ProcessGroup everyone;
  private final Map<List<Documents>, RowPart> parts = new LinkedHashMap<>(16, 0.75f, true);

  /**
   * Allocates all memory of the rank; weights are zero until initialised or loaded. Every rank must
   * open with an equal spec.
   */
  @SuppressWarnings("MustBeClosedChecker") // the arena closes with the rank
  public static TrainingRank open(Transport transport, Backend backend, RankSpec spec) {
    if (transport.size() != spec.mesh().workers()) {
      throw new IllegalArgumentException(
          "%d ranks are connected, the mesh has %d workers"
              .formatted(transport.size(), spec.mesh().workers()));
    }
    Arena arena = Arena.ofShared();
    try {
      return new TrainingRank(transport, backend, spec, arena);
    } catch (RuntimeException | Error failed) {
      arena.close();
      throw failed;
    }
  }

  private TrainingRank(Transport transport, Backend backend, RankSpec spec, Arena arena) {
    this.spec = spec;
    this.transport = transport;
    this.backend = backend;
    this.arena = arena;
    DType compute = spec.execution().compute();
    MemorySegment memory = transport.allocate("workspace", spec.workspaceBytes());
    workspace = new Workspace(backend.memory(memory), spec.workspaceBytes());
    ShardedSequence sequence =
        new ShardedSequence(transport, spec.mesh(), backend, spec.model(), compute);
    rows = new RowOpener(backend, spec.model(), sequence);
    ShardedExperts experts =
        new ShardedExperts(
            transport, spec.mesh(), backend, spec.model().experts(), spec.expertRowsBound(), arena);
    parameters =
        new ShardedParameters(transport, spec.mesh(), backend, spec.model(), compute, arena);
    stores = new OffloadStores(spec.offload(), transport.rank());
    model =
        new DecoderModel(
            spec.model(), spec.execution(), spec.objective(), backend, experts, parameters);
    everyone = new ProcessGroup(transport, spec.mesh().everyone(), Channel.CONTROL);
  }

  /** A single row; no documents for none. */
  public RowPart layOut(Documents row) {
    return layOut(row.count() == 0 ? List.of() : List.of(row));
  }

  /**
   * Layout and attention schedule of the rows of a micro-step, proven before anything of them is
   * sent, and this rank's part of them. All ranks of a row must lay out the same documents; a rank
   * without a row lays out none.
   *
   * @throws dev.gyre.partitioning.plan.InvalidPlanException naming the tile or message
   */
  public RowPart layOut(List<Documents> rows) {
    RowPart known = parts.get(rows);
    if (known == null) {
      known = newPart(rows);
      parts.put(List.copyOf(rows), known);
      if (parts.size() > KEPT_PARTS) {
        parts.remove(parts.keySet().iterator().next());
      }
    }
    return known;
  }

  private RowPart newPart(List<Documents> rows) {
    if (rows.size() > 1 && spec.model().anchor()) {
      throw new IllegalArgumentException(
          rows.size() + " rows in a micro-step, but each has an anchor of its own");
    }
    int rank = transport.rank();
    Documents documents = Documents.concatenated(rows);
    SequenceLayout layout =
        Layouts.of(
            spec.layout(), documents, spec.mesh().ring(), spec.mesh().ulysses(), spec.minChunk());
    Map<AttentionMask, AttentionSchedule> schedules = new HashMap<>();
    Map<LayerKind, String> choices = new EnumMap<>(LayerKind.class);
    spec.model()
        .maskOfKind()
        .forEach(
            (layers, mask) -> {
              AttentionSchedule schedule =
                  requireNonNull(spec.schedules().get(layers)).schedule(layout, mask);
              PlanValidator.validate(layout, schedule, mask);
              schedules.put(mask, schedule);
              choices.put(layers, schedule.kind());
            });
    LinearAttentionLayout linear = null;
    if (spec.model().linearLayers() > 0) {
      linear = LinearAttentionLayout.of(layout);
      PlanValidator.validate(layout, linear);
    }
    List<TokenRange> mine =
        layout.runs(spec.mesh().place(rank, Axis.RING), spec.mesh().place(rank, Axis.ULYSSES));
    List<Integer> tokens = rows.stream().map(Documents::tokens).toList();
    return new RowPart(layout, tokens, schedules, choices, linear, mine);
  }

  /** Opens a row in the rank's whole workspace, and reads this rank's tokens into it. */
  public PreparedRow prepare(RowPart part, RowSource source, BatchTotals totals) {
    return prepare(part, source, totals, workspace);
  }

  /**
   * Opens a row, and reads this rank's tokens. Several rows may be open at once.
   *
   * @param memory part of {@link #workspace} that no other open row uses; it holds everything that
   *     a pass over the row needs
   */
  public PreparedRow prepare(RowPart part, RowSource source, BatchTotals totals, Workspace memory) {
    long mark = memory.savedMark();
    OpenRow open = rows.open(part, source, totals, memory);
    PassInput input = new PassInput(open.batch(), open.row(), memory, stores.take());
    return new PreparedRow(input, mark, model, stores);
  }

  /** An observer that also updates {@link Transport#where}. */
  public Observer observer(Observer inner) {
    return new ProgressObserver(transport.where(), inner);
  }

  public DecoderModel model() {
    return model;
  }

  public ShardedParameters parameters() {
    return parameters;
  }

  public Workspace workspace() {
    return workspace;
  }

  public Backend backend() {
    return backend;
  }

  public Transport transport() {
    return transport;
  }

  public RankSpec spec() {
    return spec;
  }

  /** All ranks, on the control channel. */
  public ProcessGroup everyone() {
    return everyone;
  }

  /** Bytes of activations, weights, gradients and optimizer state. */
  public long byteSize() {
    return workspace.sizeBytes() + parameters.byteSize();
  }

  /** Frees all memory that the transport does not own. No kernel or transfer may be running. */
  @Override
  public void close() {
    try {
      stores.close();
    } finally {
      arena.close();
    }
  }
}
