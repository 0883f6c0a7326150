package dev.gyre.deploy.drawing;

import dev.gyre.deploy.console.Units;
import dev.gyre.partitioning.schedule.HeadSplit;
import java.util.List;

/**
 * Draws the Ulysses exchange: before it a rank holds all heads of some tokens, after it some heads
 * of all tokens.
 */
final class HeadsPicture {
  private static final int SIDE = 132;
  private static final int F32_BYTES = 4;
  private static final List<String> SHADES = List.of("#dfe3e8", "#c7ced8");

  private final Svg svg;
  private final List<HeadSplit.Part> parts;
  private final int[] tokens;
  private final long headBytes;
  private final long headDim;

  /**
   * @param tokens of each Ulysses rank, summed over all ring ranks
   * @param elementBytes of the compute dtype
   */
  HeadsPicture(Svg svg, HeadSplit split, int[] tokens, int headDim, int elementBytes) {
    this.svg = svg;
    this.parts = split.parts();
    this.tokens = tokens.clone();
    this.headDim = headDim;
    this.headBytes = (long) headDim * elementBytes;
  }

  /**
   * @param ring whether there are several ring ranks
   * @return the height of the picture
   */
  int draw(int left, int top, boolean ring) {
    svg.heading(16, top + 16, "Ulysses");
    svg.text(
        left + 24,
        top + 16,
        12,
        Svg.Anchor.START,
        Svg.FAINT,
        "inside %s, tokens are swapped for heads before attention and back after it; bytes of all ranks"
            .formatted(ring ? "every ring rank" : "the row"));
    int y = top + 48;
    int right = left + SIDE + 330;
    svg.text(left + SIDE / 2, y - 8, 11, Svg.Anchor.MIDDLE, Svg.FAINT, "heads →");
    svg.text(right + SIDE / 2, y - 8, 11, Svg.Anchor.MIDDLE, Svg.FAINT, "heads →");
    svg.text(left - 8, y + SIDE / 2, 11, Svg.Anchor.END, Svg.FAINT, "tokens ↓");
    int all = 0;
    for (int own : tokens) {
      all += own;
    }
    int at = 0;
    int head = 0;
    for (int u = 0; u < parts.size(); u++) {
      int from = y + at * SIDE / all;
      at += tokens[u];
      int to = y + at * SIDE / all;
      svg.rect(left, from, SIDE, to - from, SHADES.get(u % 2));
      svg.text(
          left + SIDE / 2,
          (from + to) / 2 + 4,
          12,
          Svg.Anchor.MIDDLE,
          Svg.INK,
          "ulysses rank " + u);
      int begin = right + head * SIDE / heads();
      head += parts.get(u).queryHeads();
      int end = right + head * SIDE / heads();
      svg.rect(begin, y, end - begin, SIDE, SHADES.get(u % 2));
      svg.text((begin + end) / 2, y + SIDE / 2 + 4, 12, Svg.Anchor.MIDDLE, Svg.INK, "" + u);
    }
    String row = ring ? "its ring rank's tokens" : "all tokens";
    svg.text(
        left + SIDE / 2, y + SIDE + 16, 11, Svg.Anchor.MIDDLE, Svg.FAINT, "some tokens, all heads");
    svg.text(
        right + SIDE / 2, y + SIDE + 16, 11, Svg.Anchor.MIDDLE, Svg.FAINT, row + ", some heads");
    svg.frame(left, y, SIDE, SIDE);
    svg.frame(right, y, SIDE, SIDE);
    int middle = (left + SIDE + right) / 2;
    exchange(
        left + SIDE + 8, right - 8, middle, y + 26, "forward: q, k, v", exchanged(2, headBytes));
    exchange(
        right - 8, left + SIDE + 8, middle, y + 54, "forward: output", exchanged(0, headBytes));
    exchange(left + SIDE + 8, right - 8, middle, y + 82, "backward: dO", exchanged(0, headBytes));
    exchange(
        right - 8,
        left + SIDE + 8,
        middle,
        y + 110,
        "backward: dq, dk, dv",
        exchanged(2, headDim * F32_BYTES));
    return SIDE + 84;
  }

  private void exchange(int from, int to, int middle, int y, String what, long bytes) {
    svg.arrow(from, to, y);
    svg.text(middle, y - 5, 11, Svg.Anchor.MIDDLE, Svg.INK, what + "  " + Units.bytes(bytes));
  }

  private int heads() {
    int heads = 0;
    for (HeadSplit.Part part : parts) {
      heads += part.queryHeads();
    }
    return heads;
  }

  /**
   * Bytes that all ranks exchange: every rank's tokens with the heads of other ranks. Both
   * directions are equal.
   */
  private long exchanged(int keyValues, long bytes) {
    long sum = 0;
    for (int from = 0; from < parts.size(); from++) {
      for (int to = 0; to < parts.size(); to++) {
        HeadSplit.Part part = parts.get(to);
        long width = part.queryHeads() + (long) keyValues * part.kvHeads();
        sum += from == to ? 0 : tokens[from] * width * bytes;
      }
    }
    return sum;
  }
}
