package dev.gyre.deploy.drawing;

/**
 * Builds an SVG document with integer coordinates, generic fonts and its own background, so that it
 * is readable on light and dark pages.
 */
final class Svg {
  static final String INK = "#1b1f24";
  static final String FAINT = "#6b7280";
  static final String LINE = "#c9ced6";
  static final String GROUND = "#fbfbf9";
  static final String BAND = "#f0f1ee";

  /** The part of a text that its x refers to. */
  enum Anchor {
    START,
    MIDDLE,
    END
  }

  private final StringBuilder body = new StringBuilder();

  void rect(int x, int y, int width, int height, String fill) {
    body.append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\"/>\n"
            .formatted(x, y, width, height, fill));
  }

  void frame(int x, int y, int width, int height) {
    body.append(
        "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"%s\"/>\n"
            .formatted(x, y, width, height, LINE));
  }

  void text(int x, int y, int size, Anchor anchor, String fill, String content) {
    String where = anchor == Anchor.START ? "start" : anchor == Anchor.MIDDLE ? "middle" : "end";
    body.append(
        "<text x=\"%d\" y=\"%d\" font-size=\"%d\" text-anchor=\"%s\" fill=\"%s\">%s</text>\n"
            .formatted(x, y, size, where, fill, escaped(content)));
  }

  void heading(int x, int y, String content) {
    body.append(
        "<text x=\"%d\" y=\"%d\" font-size=\"15\" font-weight=\"bold\" fill=\"%s\">%s</text>\n"
            .formatted(x, y, INK, escaped(content)));
  }

  /** An arrow with a dot at its start. */
  void arrow(int fromX, int toX, int y) {
    int way = Integer.signum(toX - fromX);
    body.append(
        "<circle cx=\"%d\" cy=\"%d\" r=\"3\" fill=\"%s\"/>\n".formatted(fromX + 5 * way, y, INK));
    body.append(
        "<path d=\"M%d %dH%d\" fill=\"none\" stroke=\"%s\" stroke-width=\"1\"/>\n"
            .formatted(fromX + 5 * way, y, toX - 8 * way, INK));
    body.append(
        "<path d=\"M%d %dl%d -4v8z\" fill=\"%s\"/>\n".formatted(toX - 2 * way, y, -8 * way, INK));
  }

  /**
   * @param d path data of an area, in units of a grid
   * @param size of a unit of the grid, in thousandths
   */
  void area(int x, int y, int size, String fill, String d) {
    body.append(
        "<path transform=\"translate(%d %d) scale(%d.%03d)\" fill=\"%s\" d=\"%s\"/>\n"
            .formatted(x, y, size / 1000, size % 1000, fill, d));
  }

  String document(int width, int height, String title) {
    return """
        <?xml version="1.0" encoding="UTF-8"?>
        <svg xmlns="http://www.w3.org/2000/svg" version="1.1" width="%d" height="%d" \
        viewBox="0 0 %d %d" font-family="sans-serif">
        <title>%s</title>
        <rect width="%d" height="%d" rx="8" fill="%s"/>
        %s</svg>
        """
        .formatted(width, height, width, height, escaped(title), width, height, GROUND, body);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
  }
}
