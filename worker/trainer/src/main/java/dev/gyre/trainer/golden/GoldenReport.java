package dev.gyre.trainer.golden;

import java.util.List;

/**
 * Errors of a run against a golden case, by group.
 *
 * @param lines losses first, then logits, router choices, groups of gradients, and the curve
 */
public record GoldenReport(String name, List<Line> lines) {
  public GoldenReport {
    lines = List.copyOf(lines);
  }

  /**
   * The member of a group with the largest error relative to its limit.
   *
   * @param worst its tensor, token or step
   * @param error NaN if nothing was computed
   */
  public record Line(String group, String worst, double error, double limit) {
    public boolean passed() {
      return error <= limit;
    }
  }

  public boolean passed() {
    for (Line line : lines) {
      if (!line.passed()) {
        return false;
      }
    }
    return true;
  }

  /** A table for display; its last line says whether all passed. */
  public String table() {
    StringBuilder table = new StringBuilder();
    table.append("%-34s %12s %12s      %s%n".formatted(name, "error", "limit", "worst"));
    for (Line line : lines) {
      table.append(
          "%-34s %12.3e %12.3e %-4s %s%n"
              .formatted(
                  line.group, line.error, line.limit, line.passed() ? "ok" : "FAIL", line.worst));
    }
    table.append(passed() ? "all within tolerance" : "outside of tolerance");
    return table.toString();
  }
}
