package dev.gyre.deploy.console;

import dev.gyre.trainer.data.InspectedRow;
import dev.gyre.trainer.data.InspectedRow.Piece;
import dev.gyre.trainer.data.RowShape;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** A packed row as text: each document's name, cuts, labels and text. */
public final class RowText {
  private static final String GUTTER = "  | ";

  private final int chars;

  /**
   * @param chars shown of each document, half from either end; −1 for all of it
   */
  public RowText(int chars) {
    this.chars = chars;
  }

  /**
   * @param index of the row in its batch
   */
  public List<String> lines(int index, InspectedRow row) {
    List<String> lines = new ArrayList<>();
    RowShape shape = row.shape();
    lines.add("");
    lines.add(
        String.format(
            Locale.ROOT,
            "row %d (epoch %d, row %,d of it): %s in %s, %s",
            index,
            shape.epoch(),
            shape.row(),
            Units.of(shape.tokens(), "token"),
            Units.of(row.pieces().size(), "document"),
            Units.of(shape.labelled(), "label")));
    int at = 0;
    for (Piece piece : row.pieces()) {
      lines.add(heading(at, piece));
      text(piece.text(), lines);
      at += piece.tokens();
    }
    return lines;
  }

  private static String heading(int at, Piece piece) {
    boolean ends = piece.from() + piece.tokens() == piece.documentTokens();
    return String.format(
        Locale.ROOT,
        "%,7d  %s  (%s)  %s, %s%s",
        at,
        printable(piece.name()),
        piece.source(),
        Units.of(piece.tokens(), "token"),
        Units.of(ends ? piece.tokens() - 1 : piece.tokens(), "label"),
        cuts(piece, ends));
  }

  private static String cuts(Piece piece, boolean ends) {
    if (piece.from() == 0 && ends) {
      return "";
    }
    String of =
        String.format(
            Locale.ROOT,
            "%,d-%,d of %,d",
            piece.from(),
            piece.from() + piece.tokens() - 1,
            piece.documentTokens());
    String where = piece.from() == 0 ? "at its end" : ends ? "at its start" : "at both ends";
    return "   CUT " + where + ": " + of;
  }

  private void text(String text, List<String> lines) {
    if (chars == 0) {
      return;
    }
    if (chars < 0 || text.length() <= chars) {
      gutter(text, lines);
      return;
    }
    int half = Math.max(1, chars / 2);
    gutter(text.substring(0, half), lines);
    lines.add(
        String.format(Locale.ROOT, "  : (%,d characters not shown)", text.length() - 2 * half));
    gutter(text.substring(text.length() - half), lines);
  }

  private static void gutter(String text, List<String> lines) {
    for (String line : text.lines().toList()) {
      lines.add(GUTTER + printable(line));
    }
  }

  /** Replaces control characters, which a terminal would interpret. */
  private static String printable(String text) {
    StringBuilder shown = new StringBuilder(text.length());
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      shown.append(c == '\t' ? "    " : Character.isISOControl(c) ? "\ufffd" : String.valueOf(c));
    }
    return shown.toString();
  }
}
