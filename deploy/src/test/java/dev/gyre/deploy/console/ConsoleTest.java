package dev.gyre.deploy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.trainer.step.EvalMetrics;
import dev.gyre.trainer.step.StepMetrics;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ConsoleTest {
  private static final long SECOND = 1_000_000_000L;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private long now;

  private Console terminal(int columns) {
    return new Console(
        new PrintStream(out, true, StandardCharsets.UTF_8), true, () -> columns, () -> now);
  }

  private Console pipe() {
    return new Console(new PrintStream(out, true, StandardCharsets.UTF_8), false);
  }

  private String said() {
    return out.toString(StandardCharsets.UTF_8);
  }

  /** Rows that the printed text takes on a terminal with this many columns. */
  private int rows(int columns) {
    int rows = 0;
    for (String line : said().split("\n", -1)) {
      for (String drawn : line.split("\r\u001b\\[2K", -1)) {
        rows += Math.max(0, TextWidth.of(drawn) - 1) / columns;
      }
    }
    return rows + (int) said().chars().filter(c -> c == '\n').count();
  }

  private static StepMetrics step(long step, double loss, double norm, EvalMetrics eval) {
    return new StepMetrics(
        step,
        loss,
        loss,
        Map.of(),
        2048,
        0.012,
        165_432,
        0.64,
        norm,
        3.8e-3,
        List.of(),
        Map.of(),
        Map.of(),
        0.011,
        0.0005,
        0.0005,
        0.08,
        1_234_000_000,
        !Double.isFinite(norm),
        eval);
  }

  @ParameterizedTest
  @ValueSource(ints = {80, 79, 60, 40, 10, 1, 0})
  void transientRowsAreNeverWrapped(int columns) {
    StepTable table = new StepTable(terminal(columns), 100_000, 256);
    for (int step = 1; step <= 9; step++) {
      now += SECOND;
      table.step(step(step, 5.5, 123_456, null));
    }
    String[] drawn = said().split("\r\u001b\\[2K", -1);
    assertEquals(8, drawn.length, "the row of step 1, and then 8 that replace each other");
    Arrays.stream(drawn)
        .skip(1)
        .forEach(
            row -> assertTrue(row.length() <= Math.max(0, (columns == 0 ? 80 : columns) - 1), row));
  }

  @Test
  void aTableOfManyStepsTakesARowForEveryTenthStepAtEightyColumns() {
    StepTable table = new StepTable(terminal(80), 2000, 256);
    for (int step = 1; step <= 2000; step++) {
      now += SECOND;
      table.step(step(step, 2.5, 0.8, null));
    }
    // A blank line, the heading, step 1, and every tenth of 2,000 steps.
    assertEquals(203, rows(80));
  }

  @Test
  void fastStepsAreNotAllDrawn() {
    StepTable table = new StepTable(terminal(80), 2000, 256);
    for (int step = 1; step <= 1000; step++) {
      now += SECOND / 1000;
      table.step(step(step, 2.5, 0.8, null));
    }
    int cleared = said().split("\r\u001b\\[2K", -1).length - 1;
    assertTrue(cleared <= 101 + 10, cleared + " redraws in a second");
  }

  @Test
  void aPipeGetsWholeLinesOnly() {
    StepTable table = new StepTable(pipe(), 2000, 256);
    for (int step = 1; step <= 20; step++) {
      table.step(step(step, 2.5, 0.8, null));
    }
    assertFalse(said().contains("\u001b") || said().contains("\r"), said());
    assertEquals(5, said().lines().count(), said());
  }

  @Test
  void theLossIsARunningMeanWithTheRawValueBesideIt() {
    StepTable table = new StepTable(pipe(), 20, 256);
    for (int step = 1; step <= StepTable.MEAN_STEPS; step++) {
      table.step(step(step, step, 0.8, null));
    }
    List<String> lines = said().lines().toList();
    assertTrue(lines.get(1).startsWith("  step   loss   raw  nats/token"), said());
    assertTrue(lines.get(2).startsWith("     1   1.00  1.00  ##........"), said());
    assertTrue(lines.get(3).startsWith("     2   1.50  2.00  "), said());
    assertTrue(lines.getLast().startsWith("    20  10.50 20.00  ##########"), said());
    table.step(step(21, 30, 0.8, null));
  }

  @Test
  void aRowOfUsualValuesFitsEightyColumns() {
    StepTable table = new StepTable(pipe(), 200_000, 256);
    table.step(step(1, 12.34, 0.8, null));
    table.step(step(123_450, 12.34, 123_456, null));
    said().lines().forEach(line -> assertTrue(line.length() <= 79, line.length() + ": " + line));
    Set<Integer> widths = new TreeSet<>();
    said().lines().skip(1).forEach(line -> widths.add(line.length()));
    assertTrue(widths.size() <= 2, "columns are not aligned: " + said());
  }

  @Test
  void aLossThatDoesNotExistIsADash() {
    StepTable table = new StepTable(pipe(), 20, 256);
    table.step(step(1, Double.NaN, 0, null));
    assertTrue(
        said().lines().toList().get(2).startsWith("     1      -     -  .........."), said());
    table.step(step(2, 2, 0.8, null));
    table.step(step(3, Double.NaN, 0, null));
    assertTrue(said().lines().toList().get(4).startsWith("     3   2.00     -  "), said());
    table.step(step(4, Double.NaN, Double.NaN, null));
    String skipped = said().lines().toList().get(5);
    assertTrue(skipped.startsWith("     4   2.00   nan  "), said());
    assertTrue(skipped.endsWith("   skipped: not finite"), said());
  }

  @Test
  void aRemarkThatDoesNotFitHasALineOfItsOwn() {
    StepTable table = new StepTable(terminal(80), 20, 256);
    table.remark("eval 2.51");
    table.step(step(1, 2, 0.8, null));
    assertTrue(said().endsWith("\n         eval 2.51\n"), said());
    assertEquals(4, rows(80), said());
    StepTable wide = new StepTable(terminal(100), 20, 256);
    wide.remark("eval 2.51");
    wide.step(step(1, 2, 0.8, null));
    assertTrue(said().lines().toList().getLast().endsWith("s   eval 2.51"), said());
  }

  @ParameterizedTest
  @CsvSource({
    "abc, 3, abc",
    "abcd, 3, abc",
    "\u65e5\u672c\u8a9e, 5, \u65e5\u672c",
    "\u65e5\u672c\u8a9e, 6, \u65e5\u672c\u8a9e",
    "e\u0301e\u0301e\u0301, 2, e\u0301e\u0301",
    "a\ud83d\ude00b, 2, a",
    "a\ud83d\ude00b, 3, a\ud83d\ude00",
    "abc, 0, ''",
  })
  void wideCharactersCountTwiceAndMarksNothing(String text, int columns, String cut) {
    assertEquals(cut, TextWidth.cut(text, columns));
  }
}
