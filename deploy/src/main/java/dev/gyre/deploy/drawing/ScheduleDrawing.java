package dev.gyre.deploy.drawing;

import static java.util.Objects.requireNonNull;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.layout.Documents;
import dev.gyre.partitioning.layout.SequenceLayout;
import dev.gyre.partitioning.mask.AttentionMask;
import dev.gyre.partitioning.mesh.Mesh;
import dev.gyre.partitioning.model.LayerKind;
import dev.gyre.partitioning.model.ModelSpec;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.partitioning.schedule.AttentionSchedule;
import dev.gyre.partitioning.schedule.HeadSplit;
import dev.gyre.partitioning.schedule.MessageBytes;
import dev.gyre.partitioning.schedule.ScheduleKind;
import java.util.Locale;
import java.util.Map;

/**
 * Draws a plan's attention on one row, one picture per kind of layer: the token layout, the (query,
 * key) pairs that each rank computes in each step, and the messages between ranks.
 */
public final class ScheduleDrawing {
  /** The most ranks that fit side by side. */
  private static final int MOST_RANKS = 16;

  private static final int LEFT = 110;
  private static final int COLUMN = 190;
  private static final int SIDE = 150;
  private static final int RIGHT = 16;

  /** Least width if the Ulysses exchange is drawn. */
  private static final int HEADS_WIDTH = 760;

  private final ModelSpec model;
  private final Plan plan;
  private final Mesh mesh;
  private final SequenceLayout layout;
  private final int elementBytes;
  private final Svg svg = new Svg();
  private final int width;

  private ScheduleDrawing(ModelSpec model, Plan plan, Documents row) {
    this.model = model;
    this.plan = plan;
    mesh = plan.mesh();
    layout = plan.layoutOf(row);
    elementBytes = plan.dtype().equals("bf16") ? Short.BYTES : Float.BYTES;
    int columns = LEFT + mesh.ring() * COLUMN + RIGHT;
    width = mesh.ulysses() > 1 || mesh.ring() < 4 ? Math.max(HEADS_WIDTH, columns) : columns;
  }

  /**
   * @return an SVG 1.1 document; equal for equal plans and rows
   * @throws Invalid if the ring is too large to draw
   */
  public static String of(ModelSpec model, Plan plan, Documents row) {
    if (plan.mesh().ring() > MOST_RANKS) {
      throw new Invalid(
          "mesh.ring",
          "%d ranks do not fit on a picture; it takes %d. Draw the plan of a smaller ring."
              .formatted(plan.mesh().ring(), MOST_RANKS));
    }
    return new ScheduleDrawing(model, plan, row).draw();
  }

  private String draw() {
    Map<LayerKind, ScheduleKind> kinds = plan.scheduleKinds(model);
    int y = 0;
    StringBuilder title = new StringBuilder();
    for (Map.Entry<LayerKind, AttentionMask> layers : model.maskOfKind().entrySet()) {
      AttentionSchedule schedule =
          requireNonNull(kinds.get(layers.getKey())).schedule(layout, layers.getValue());
      title.append(title.isEmpty() ? "" : "; ").append(name(schedule));
      y = picture(y, layers.getKey(), layers.getValue(), schedule);
    }
    return svg.document(width, y, title.toString());
  }

  private String name(AttentionSchedule schedule) {
    String ring =
        "%s over %d ranks, %s".formatted(schedule.kind(), mesh.ring(), plan.layout().key());
    if (mesh.ulysses() == 1) {
      return ring;
    }
    String heads = "ulysses over " + mesh.ulysses() + " ranks";
    return mesh.ring() == 1 ? heads : ring + ", and " + heads + " inside each";
  }

  /** Draws from {@code top} downwards; returns the y of its end. */
  private int picture(int top, LayerKind layers, AttentionMask mask, AttentionSchedule schedule) {
    svg.text(16, top + 32, 20, Svg.Anchor.START, Svg.INK, name(schedule));
    Documents row = layout.documents();
    svg.text(
        16,
        top + 54,
        12,
        Svg.Anchor.START,
        Svg.FAINT,
        String.format(
            Locale.ROOT,
            "%s layers (%s); %,d tokens in %s; %d query and %d key/value heads of %d, %s",
            layers.key().replace('_', ' '),
            mask,
            row.tokens(),
            row.count() == 1 ? "one document" : row.count() + " documents",
            model.heads().queries(),
            model.heads().keyValues(),
            model.heads().size(),
            plan.dtype()));
    int y = top + 70;
    if (mesh.ulysses() > 1) {
      int[] tokens = new int[mesh.ulysses()];
      for (int u = 0; u < tokens.length; u++) {
        for (int r = 0; r < mesh.ring(); r++) {
          tokens[u] += layout.tokens(r, u);
        }
      }
      HeadSplit split = HeadSplit.of(model.heads().kvHeadOf(), mesh);
      y +=
          new HeadsPicture(svg, split, tokens, model.heads().size(), elementBytes)
              .draw(LEFT, y, mesh.ring() > 1);
    }
    return mesh.ring() == 1 && mesh.ulysses() > 1 ? y : ring(y, schedule);
  }

  private int ring(int top, AttentionSchedule schedule) {
    Places places = new Places(layout);
    TilePicture tiles = new TilePicture(svg, places);
    int y = top + 6;
    String ranks = mesh.ulysses() > 1 ? "ring rank" : "rank";
    svg.text(16, y + 16, 12, Svg.Anchor.START, Svg.INK, "held by");
    tiles.strip(LEFT, y, mesh.ring() * COLUMN, 22);
    y += 46;
    for (int rank = 0; rank < mesh.ring(); rank++) {
      int x = LEFT + rank * COLUMN + (COLUMN - SIDE) / 2;
      svg.text(x + SIDE / 2, y, 13, Svg.Anchor.MIDDLE, Svg.INK, ranks + " " + rank);
      tiles.draw(x, y + 8, SIDE, schedule.forward().get(rank));
    }
    svg.text(16, y + 40, 12, Svg.Anchor.START, Svg.INK, "computes");
    svg.text(16, y + 60, 11, Svg.Anchor.START, Svg.FAINT, "down: queries");
    svg.text(16, y + 76, 11, Svg.Anchor.START, Svg.FAINT, "across: keys");
    svg.text(16, y + 92, 11, Svg.Anchor.START, Svg.FAINT, "colour: step");
    y += SIDE + 26;
    MessageBytes bytes =
        MessageBytes.ofRow(model.heads().kvHeadOf(), model.heads().size(), elementBytes, mesh);
    StepPicture steps = new StepPicture(svg, bytes, LEFT, COLUMN);
    y += steps.draw(y, "forward", schedule.forward());
    y += steps.draw(y, "backward", schedule.backward());
    return y;
  }
}
