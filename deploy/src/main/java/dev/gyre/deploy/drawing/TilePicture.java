package dev.gyre.deploy.drawing;

import dev.gyre.partitioning.schedule.AttentionSchedule.Program;
import java.util.List;

/** Draws a square of queries by keys for every rank: the pairs it computes, coloured by step. */
final class TilePicture {
  /** Most cells of a side; each cell shows the pair in its middle. */
  private static final int CELLS = 64;

  private final Svg svg;
  private final Places places;
  private final int cells;

  TilePicture(Svg svg, Places places) {
    this.svg = svg;
    this.places = places;
    cells = Math.min(CELLS, places.tokens());
  }

  private int position(int cell) {
    return (int) ((2L * cell + 1) * places.tokens() / (2L * cells));
  }

  /** One rank's square. */
  void draw(int x, int y, int side, Program program) {
    svg.rect(x, y, side, side, Svg.BAND);
    int steps = program.steps().size();
    StringBuilder[] areas = new StringBuilder[steps];
    for (int row = 0; row < cells; row++) {
      int from = 0;
      while (from < cells) {
        int step = places.step(program, position(row), position(from));
        int to = from + 1;
        while (to < cells && places.step(program, position(row), position(to)) == step) {
          to++;
        }
        if (step >= 0) {
          if (areas[step] == null) {
            areas[step] = new StringBuilder();
          }
          int n = to - from;
          areas[step].append("M%d %dh%dv1h-%dz".formatted(from, row, n, n));
        }
        from = to;
      }
    }
    for (int step = 0; step < steps; step++) {
      if (areas[step] != null) {
        svg.area(x, y, side * 1000 / cells, Steps.colour(step), areas[step].toString());
      }
    }
    svg.frame(x, y, side, side);
  }

  /** Draws the row as a strip that shows which rank holds each position. */
  void strip(int x, int y, int width, int height) {
    List<String> shades = List.of("#dfe3e8", "#c7ced8");
    int from = 0;
    int block = 0;
    while (from < places.tokens()) {
      int owner = places.owner(from);
      int to = from + 1;
      while (to < places.tokens() && places.owner(to) == owner) {
        to++;
      }
      int left = x + (int) ((long) from * width / places.tokens());
      int right = x + (int) ((long) to * width / places.tokens());
      svg.rect(left, y, right - left, height, shades.get(block++ % 2));
      if (right - left >= 12) {
        svg.text((left + right) / 2, y + height - 6, 11, Svg.Anchor.MIDDLE, Svg.INK, "" + owner);
      }
      from = to;
    }
    svg.frame(x, y, width, height);
  }
}
