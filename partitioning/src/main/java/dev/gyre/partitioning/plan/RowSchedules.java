package dev.gyre.partitioning.plan;

import static java.util.Objects.requireNonNull;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.job.ScheduleSpec;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.LayoutKind;
import dev.gyre.partitioning.layout.Layouts;
import dev.gyre.partitioning.layout.LinearAttentionLayout;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import dev.gyre.partitioning.schedule.TileGrid;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The attention schedules that each kind of layer can use on a mesh, with predicted times. */
public final class RowSchedules {
  private final ModelSpec model;
  private final Mesh mesh;
  private final String dtype;
  private final int elementBytes;
  private final MessageBytes busiest;
  private final ScheduleClock clock;

  /**
   * @param dtype {@code bf16} or {@code f32}
   * @param transport {@code ipc} or {@code udp}
   * @param rates for predictions; if one is unknown, {@code auto} is ring
   */
  public RowSchedules(ModelSpec model, Mesh mesh, String dtype, String transport, Rates rates) {
    this.model = model;
    this.mesh = mesh;
    this.dtype = dtype;
    elementBytes = Math.toIntExact(CostModel.elementBytes(dtype));
    MessageBytes most = new MessageBytes(0, 0, model.heads().size(), elementBytes);
    for (MessageBytes part : parts()) {
      most =
          new MessageBytes(
              Math.max(most.queryHeads(), part.queryHeads()),
              Math.max(most.kvHeads(), part.kvHeads()),
              part.headDim(),
              part.elementBytes());
    }
    busiest = most;
    clock = new ScheduleClock(rates, busiest, transport.equals("udp"));
  }

  ModelSpec model() {
    return model;
  }

  Mesh mesh() {
    return mesh;
  }

  /** {@code bf16} or {@code f32}. */
  String dtype() {
    return dtype;
  }

  /** Messages with the most query heads and the most key/value heads of any Ulysses rank. */
  MessageBytes busiest() {
    return busiest;
  }

  /** Messages of each Ulysses rank of a ring rank. */
  private List<MessageBytes> parts() {
    List<MessageBytes> parts = new ArrayList<>();
    for (HeadSplit.Part part : HeadSplit.of(model.heads().kvHeadOf(), mesh).parts()) {
      parts.add(
          new MessageBytes(part.queryHeads(), part.kvHeads(), model.heads().size(), elementBytes));
    }
    return parts;
  }

  /**
   * The requested layout, or the first that all requested schedules support. If all layers are
   * linear, it is contiguous: tokens are in rank order already, and there is no attention to
   * balance.
   *
   * @param layout {@code auto} or a layout's key
   * @throws Invalid if a requested schedule does not support the requested layout
   */
  public LayoutKind layout(ScheduleSpec spec, String layout) {
    List<LayoutKind> able = new ArrayList<>();
    String narrowest = MeshSpec.AUTO;
    for (LayerKind layers : model.maskOfKind().keySet()) {
      String key = spec.of(layers);
      List<LayoutKind> own = plain(first(key)).layouts();
      if (able.isEmpty()) {
        able.addAll(own);
        narrowest = key;
      } else if (able.retainAll(own)) {
        narrowest = key;
      }
    }
    if (layout.equals(MeshSpec.AUTO)) {
      return able.isEmpty() ? LayoutKind.CONTIGUOUS : able.getFirst();
    }
    LayoutKind asked = LayoutKind.of(layout);
    if (!able.isEmpty() && !able.contains(asked)) {
      throw new Invalid(
          "mesh.layout",
          "'%s' cannot be computed with mesh.schedule %s, which needs %s. Use mesh.layout %s, or mesh.schedule ring."
              .formatted(asked.key(), narrowest, able.getFirst().key(), able.getFirst().key()));
    }
    return asked;
  }

  /**
   * The layout of a job's rows. If it is auto: zigzag, unless contiguous is predicted to be clearly
   * faster, as with many sliding-window or linear layers. Striped is no candidate: zigzag balances
   * as well with P times fewer tiles.
   *
   * @param length tokens of the longest rows
   * @param least whether each kind of layer uses the schedule with the least memory
   * @throws Invalid if a requested schedule does not support the requested layout
   */
  public LayoutChoice layout(MeshSpec asked, int length, boolean least) {
    LayoutKind first = layout(asked.schedule(), asked.layout());
    if (!asked.layout().equals(MeshSpec.AUTO)
        || first != LayoutKind.ZIGZAG
        || mesh.ring() == 1
        || !clock.known()) {
      return new LayoutChoice(first, List.of());
    }
    LayoutForecast zigzag = forecast(asked.schedule(), LayoutKind.ZIGZAG, length, least);
    LayoutForecast contiguous = forecast(asked.schedule(), LayoutKind.CONTIGUOUS, length, least);
    boolean faster = contiguous.micros() < AutoSchedule.clearlyFaster(zigzag.micros());
    return new LayoutChoice(
        faster ? LayoutKind.CONTIGUOUS : LayoutKind.ZIGZAG, List.of(zigzag, contiguous));
  }

  private LayoutForecast forecast(ScheduleSpec spec, LayoutKind layout, int length, boolean least) {
    Map<LayerKind, List<String>> candidates = candidates(spec, layout);
    Map<LayerKind, List<String>> taken = least ? least(candidates) : candidates;
    long micros = 0;
    for (Documents documents : List.of(new Documents(length), halves(length))) {
      SequenceLayout row =
          Layouts.of(layout, documents, mesh.ring(), mesh.ulysses(), Layouts.DEFAULT_MIN_CHUNK);
      for (Map.Entry<LayerKind, List<String>> kind : taken.entrySet()) {
        AttentionMask mask = requireNonNull(model.maskOfKind().get(kind.getKey()));
        AttentionSchedule schedule = kind(kind.getValue()).schedule(row, mask);
        micros += model.layers(kind.getKey()) * clock.micros(schedule);
      }
      micros += model.linearLayers() * linearMicros(LinearAttentionLayout.of(row));
    }
    return new LayoutForecast(layout, micros);
  }

  /** A row with short and long documents, so that no layout is balanced by chance. */
  private static Documents halves(int length) {
    int[] lengths = new int[Integer.SIZE];
    int count = 0;
    int left = length;
    while (left > 0) {
      lengths[count] = Math.ceilDiv(left, 2);
      left -= lengths[count++];
    }
    return new Documents(Arrays.copyOf(lengths, count));
  }

  /**
   * Predicted communication time of a linear layer; its compute time is the same in every layout.
   */
  private long linearMicros(LinearAttentionLayout linear) {
    LinearAttentionBytes bytes = LinearAttentionBytes.of(model, elementBytes);
    long most = 0;
    for (int rank = 0; rank < linear.ranks(); rank++) {
      most = Math.max(most, bytes.states(linear, rank) + bytes.moves(linear, rank));
    }
    return clock.micros(most, linear.moves().isEmpty() ? 2 : 6);
  }

  /** The schedule of each kind of layer, for a layout from {@link #layout}. */
  public Map<LayerKind, ScheduleKind> kinds(ScheduleSpec spec, LayoutKind layout) {
    Map<LayerKind, ScheduleKind> kinds = new LinkedHashMap<>();
    candidates(spec, layout).forEach((layers, keys) -> kinds.put(layers, kind(keys)));
    return kinds;
  }

  /**
   * Candidate schedules by kind of layer: the requested one, or all that support its mask and the
   * layout.
   *
   * @throws Invalid if a requested schedule does not support a mask
   */
  public Map<LayerKind, List<String>> candidates(ScheduleSpec spec, LayoutKind layout) {
    Map<LayerKind, List<String>> candidates = new LinkedHashMap<>();
    model
        .maskOfKind()
        .forEach(
            (layers, mask) -> {
              String key = spec.of(layers);
              boolean chosen = key.equals(MeshSpec.AUTO) && mesh.ring() > 1;
              candidates.put(layers, chosen ? able(layout, mask) : List.of(first(key)));
            });
    requireMasks(candidates);
    return candidates;
  }

  private List<String> able(LayoutKind layout, AttentionMask mask) {
    List<String> able = new ArrayList<>();
    for (String key : ScheduleKind.KEYS) {
      ScheduleKind kind = plain(key);
      if (kind.layouts().contains(layout) && kind.computes(mask)) {
        able.add(key);
      }
    }
    return able;
  }

  /** Keeps the first candidate of each kind of layer, which is the one with the least memory. */
  static Map<LayerKind, List<String>> least(Map<LayerKind, List<String>> candidates) {
    Map<LayerKind, List<String>> least = new LinkedHashMap<>();
    candidates.forEach((layers, keys) -> least.put(layers, keys.subList(0, 1)));
    return least;
  }

  /**
   * @throws Invalid if a schedule cannot compute the mask of its layers
   */
  void requireMasks(Map<LayerKind, List<String>> candidates) {
    candidates.forEach(
        (layers, keys) -> {
          AttentionMask mask = requireNonNull(model.maskOfKind().get(layers));
          for (String key : keys) {
            if (mesh.ring() > 1 && !plain(key).computes(mask)) {
              throw new Invalid(
                  "mesh.schedule",
                  ("'%s' cannot compute attention that is %s: a query may see keys of a later"
                          + " rank. Use ring, allgather or tokenring, or set model.prefix_length 0.")
                      .formatted(key, mask));
            }
          }
        });
  }

  /** The schedule that {@code auto} means if there is no choice, or no rate to choose by. */
  private static String first(String key) {
    return key.equals(MeshSpec.AUTO) ? ScheduleKind.KEYS.getFirst() : key;
  }

  private ScheduleKind plain(String key) {
    return ScheduleKind.of(
        key,
        MessageBytes.ofRow(model.heads().kvHeadOf(), model.heads().size(), elementBytes, mesh));
  }

  /** The schedule, or the choice per row between several. */
  ScheduleKind kind(List<String> candidates) {
    return candidates.size() == 1
        ? plain(candidates.getFirst())
        : new AutoSchedule(candidates.stream().map(this::plain).toList(), clock);
  }

  /**
   * The predicted time of each candidate, and the choice.
   *
   * @param row the longest there is
   * @param recompute as {@link ActivationPlan} names it: attention may run forward twice
   */
  public ScheduleChoice choice(
      LayerKind layers, List<String> candidates, SequenceLayout row, String recompute) {
    AttentionMask mask = requireNonNull(model.maskOfKind().get(layers));
    TileGrid grid = new TileGrid(row, mask);
    List<ScheduleForecast> forecasts = new ArrayList<>();
    AutoSchedule.Choice choice = null;
    String chosen = candidates.getFirst();
    for (String key : candidates) {
      AttentionSchedule schedule = plain(key).schedule(grid);
      long micros = clock.micros(schedule);
      forecasts.add(new ScheduleForecast(key, micros, bytes(schedule, recompute)));
      if (choice == null) {
        choice = new AutoSchedule.Choice(micros);
      } else if (choice.takes(micros)) {
        chosen = key;
      }
    }
    return new ScheduleChoice(layers, chosen, forecasts);
  }

  /** All candidate schedules of a row by mask, to learn the memory that each needs. */
  Map<AttentionMask, List<AttentionSchedule>> all(
      Map<LayerKind, List<String>> candidates, SequenceLayout row) {
    Map<AttentionMask, List<AttentionSchedule>> all = new LinkedHashMap<>();
    candidates.forEach(
        (layers, keys) -> {
          AttentionMask mask = requireNonNull(model.maskOfKind().get(layers));
          TileGrid grid = new TileGrid(row, mask);
          List<AttentionSchedule> ofMask = all.computeIfAbsent(mask, _ -> new ArrayList<>());
          keys.forEach(key -> ofMask.add(plain(key).schedule(grid)));
        });
    return all;
  }

  private long bytes(AttentionSchedule schedule, String recompute) {
    int forwards = recompute.equals(ActivationPlan.ALL) ? 2 : 1;
    long bytes = 0;
    for (MessageBytes part : parts()) {
      bytes += forwards * part.sent(schedule.forward()) + part.sent(schedule.backward());
    }
    return bytes;
  }
}
