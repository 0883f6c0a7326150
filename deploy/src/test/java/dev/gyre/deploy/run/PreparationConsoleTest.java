package dev.gyre.deploy.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.console.Console;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class PreparationConsoleTest {
  private static final long SECOND = 1_000_000_000L;

  private final AtomicLong now = new AtomicLong(17);
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();

  private PreparationConsole console(boolean terminal) {
    PrintStream out = new PrintStream(said, true, StandardCharsets.UTF_8);
    return new PreparationConsole(new Console(out, terminal), now::get);
  }

  private List<String> lines() {
    return said.toString(StandardCharsets.UTF_8).lines().toList();
  }

  @Test
  void aPipeGetsALineNowAndThenWithSpeedAndTimeLeft() {
    PreparationConsole console = console(false);
    for (int second = 1; second <= 40; second++) {
      now.addAndGet(SECOND);
      console.progress(1000L * second, 250_000L * second, 1_000_000L * second, 40_000_000L);
    }
    console.progress(40_000, 10_000_000, 40_000_000L, 40_000_000L);
    assertEquals(
        List.of(
            "data   10,000 documents, 10 MB of 40 MB, 1.0 MB/s, 250.0 k tokens/s, 30 s left",
            "data   20,000 documents, 20 MB of 40 MB, 1.0 MB/s, 250.0 k tokens/s, 20 s left",
            "data   30,000 documents, 30 MB of 40 MB, 1.0 MB/s, 250.0 k tokens/s, 10 s left",
            "data   40,000 documents, 40 MB of 40 MB, 1.0 MB/s, 250.0 k tokens/s, done in 40 s"),
        lines());
  }

  @Test
  void whatIsQuickSaysNothingOnAPipe() {
    PreparationConsole console = console(false);
    now.addAndGet(3 * SECOND);
    console.progress(1, 2, 3, 3);
    assertEquals(List.of(), lines());
  }

  @Test
  void aWaitForAnotherProcessIsNoPartOfTheSpeed() {
    PreparationConsole console = console(false);
    now.addAndGet(1000 * SECOND);
    console.note("data   another process is preparing this data; waiting for it");
    now.addAndGet(10 * SECOND);
    console.progress(10, 100, 10_000_000L, 20_000_000L);
    assertTrue(lines().getLast().contains("1.0 MB/s"), lines().toString());
  }

  @Test
  void aTerminalShowsALineThatChanges() {
    PreparationConsole console = console(true);
    now.addAndGet(SECOND);
    console.progress(1, 2, 10, 40);
    String text = said.toString(StandardCharsets.UTF_8);
    assertTrue(text.startsWith("data   1 document, 10 B of 40 B"), text);
    assertFalse(text.contains("\n"), text);
  }
}
