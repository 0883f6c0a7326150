package dev.gyre.deploy.drawing;

import java.util.List;

/** The colour of a step, from a palette for all kinds of colour vision (after Okabe and Ito). */
final class Steps {
  private static final List<String> COLOURS =
      List.of(
          "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b8a800", "#7a5195");

  private Steps() {}

  static String colour(int step) {
    return COLOURS.get(step % COLOURS.size());
  }
}
