package dev.gyre.deploy.drawing;

import dev.gyre.deploy.console.Units;
import dev.gyre.partitioning.schedule.AttentionSchedule.Item;
import dev.gyre.partitioning.schedule.AttentionSchedule.Message;
import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import dev.gyre.partitioning.schedule.AttentionSchedule.Step;
import dev.gyre.partitioning.schedule.AttentionSchedule.Work;
import dev.gyre.partitioning.schedule.AttentionTile;
import dev.gyre.partitioning.schedule.MessageBytes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Draws a pass with time downwards: for every step, what each rank computes and the messages in
 * flight.
 */
final class StepPicture {
  private static final int BAR = 14;
  private static final int WORK = 40;
  private static final int LANE = 19;

  private final Svg svg;
  private final MessageBytes bytes;
  private final int left;
  private final int column;

  /**
   * @param bytes of all Ulysses ranks together
   * @param left x of the first rank's column
   * @param column width of a rank's column
   */
  StepPicture(Svg svg, MessageBytes bytes, int left, int column) {
    this.svg = svg;
    this.bytes = bytes;
    this.left = left;
    this.column = column;
  }

  private record Arrow(int from, int to, String label) {
    int low() {
      return Math.min(from, to);
    }

    int high() {
      return Math.max(from, to);
    }
  }

  private int centre(int rank) {
    return left + rank * column + column / 2;
  }

  /**
   * @return the height of the picture
   */
  int draw(int top, String name, List<Program> programs) {
    svg.heading(16, top + 16, name);
    svg.text(
        left + 24,
        top + 16,
        12,
        Svg.Anchor.START,
        Svg.FAINT,
        "all ranks together send %s; bar: pairs computed, arrow: message in flight"
            .formatted(Units.bytes(bytes.sent(programs))));
    int y = top + 26;
    long most = 1;
    for (Program program : programs) {
      for (Step step : program.steps()) {
        most = Math.max(most, pairs(step));
      }
    }
    int steps = programs.getFirst().steps().size();
    for (int s = 0; s < steps; s++) {
      y += step(y, s, programs, most);
    }
    return y - top + 10;
  }

  private int step(int top, int s, List<Program> programs, long most) {
    List<List<Arrow>> lanes = lanes(s, programs);
    boolean works = false;
    for (Program program : programs) {
      works |= pairs(program.steps().get(s)) > 0;
    }
    int work = works ? WORK : 6;
    int height = work + lanes.size() * LANE + 8;
    svg.rect(8, top, left + programs.size() * column, height, s % 2 == 0 ? Svg.BAND : Svg.GROUND);
    svg.rect(16, top + 8, 10, 10, works ? Steps.colour(s) : Svg.LINE);
    svg.text(32, top + 18, 12, Svg.Anchor.START, Svg.INK, "step " + s);
    for (int rank = 0; works && rank < programs.size(); rank++) {
      bar(top + 6, s, rank, programs.get(rank).steps().get(s), most);
    }
    for (int lane = 0; lane < lanes.size(); lane++) {
      int y = top + work + lane * LANE + 14;
      for (Arrow arrow : lanes.get(lane)) {
        svg.arrow(centre(arrow.from), centre(arrow.to), y);
        int middle = (centre(arrow.from) + centre(arrow.to)) / 2;
        svg.text(middle, y - 4, 10, Svg.Anchor.MIDDLE, Svg.INK, arrow.label);
      }
    }
    return height;
  }

  private void bar(int y, int s, int rank, Step step, long most) {
    long pairs = pairs(step);
    int room = column - 24;
    int width = pairs == 0 ? 0 : (int) Math.max(2, pairs * room / most);
    int x = left + rank * column + 12;
    svg.frame(x, y, room, BAR);
    if (width > 0) {
      svg.rect(x, y, width, BAR, Steps.colour(s));
    }
    String text =
        pairs == 0 ? "nothing to compute" : owners(step) + ": " + Units.count(pairs) + " pairs";
    svg.text(
        centre(rank), y + BAR + 13, 11, Svg.Anchor.MIDDLE, pairs == 0 ? Svg.FAINT : Svg.INK, text);
  }

  /** {@code Q0 × K1 K2}. */
  private static String owners(Step step) {
    Map<Integer, List<String>> keys = new TreeMap<>();
    for (Work work : step.work()) {
      if (!work.tiles().isEmpty()) {
        keys.computeIfAbsent(work.queryOwner(), _ -> new ArrayList<>()).add("K" + work.keyOwner());
      }
    }
    List<String> all = new ArrayList<>();
    keys.forEach((query, of) -> all.add("Q" + query + " × " + String.join(" ", of)));
    return String.join(", ", all);
  }

  private static long pairs(Step step) {
    long pairs = 0;
    for (Work work : step.work()) {
      for (AttentionTile tile : work.tiles()) {
        pairs += tile.area();
      }
    }
    return pairs;
  }

  /** Arranges a step's messages on as few lines as possible, short ones first. */
  private List<List<Arrow>> lanes(int s, List<Program> programs) {
    List<Arrow> arrows = new ArrayList<>();
    for (int rank = 0; rank < programs.size(); rank++) {
      for (Message m : programs.get(rank).steps().get(s).sends()) {
        String what = name(m.item()) + m.owner() + ": " + Units.bytes(bytes.of(m));
        arrows.add(new Arrow(rank, m.peer(), what));
      }
    }
    arrows.sort(
        Comparator.comparingInt((Arrow a) -> a.high() - a.low())
            .thenComparing(a -> a.from > a.to)
            .thenComparingInt(Arrow::low));
    List<List<Arrow>> lanes = new ArrayList<>();
    for (Arrow arrow : arrows) {
      List<Arrow> free = null;
      for (List<Arrow> lane : lanes) {
        if (free == null
            && lane.stream().allMatch(a -> a.high() <= arrow.low() || a.low() >= arrow.high())) {
          free = lane;
        }
      }
      if (free == null) {
        free = new ArrayList<>();
        lanes.add(free);
      }
      free.add(arrow);
    }
    return lanes;
  }

  private static String name(Item item) {
    return switch (item) {
      case KEY_VALUE -> "K,V of ";
      case KEY_VALUE_GRADIENT -> "dK,dV of ";
      case QUERY -> "Q of ";
      case PARTIAL_OUTPUT -> "out,lse of ";
      case QUERY_BUNDLE -> "Q,dO,lse,D of ";
      case QUERY_GRADIENT -> "dQ of ";
    };
  }
}
