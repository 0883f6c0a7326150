package dev.gyre.deploy.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PatientConsoleTest {
  private final ByteArrayOutputStream shown = new ByteArrayOutputStream();
  private final CountDownLatch released = new CountDownLatch(1);

  private String text() {
    return shown.toString(StandardCharsets.UTF_8);
  }

  /** A terminal after Ctrl-S. */
  private PrintStream blocked() {
    return new PrintStream(
        new OutputStream() {
          @Override
          public void write(int b) {
            write(new byte[] {(byte) b}, 0, 1);
          }

          @Override
          public void write(byte[] bytes, int from, int count) {
            try {
              released.await();
            } catch (InterruptedException e) {
              throw new IllegalStateException(e);
            }
            shown.write(bytes, from, count);
          }
        },
        true,
        StandardCharsets.UTF_8);
  }

  @Test
  void aBlockedTerminalDoesNotBlockAndShowsAllLater() throws Exception {
    PrintStream out = blocked();
    try (Console console = Console.patient(out, out, true, () -> 80, 1000)) {
      for (int row = 0; row < 100; row++) {
        console.busy("busy " + row);
        console.line("row " + row);
      }
      console.error("gyre: ended");
      assertEquals("", text());
      released.countDown();
      console.flush(Duration.ofSeconds(20));
    }
    for (int row = 0; row < 100; row++) {
      assertTrue(text().contains("row " + row + "\n"), text());
    }
    assertTrue(text().endsWith("gyre: ended\n"), text());
  }

  @Test
  void whatIsTooMuchIsCountedAndSaid() throws Exception {
    PrintStream out = blocked();
    try (Console console = Console.patient(out, out, true, () -> 80, 10)) {
      for (int row = 0; row < 1000; row++) {
        console.line("row " + row);
        console.busy("busy");
      }
      released.countDown();
      console.flush(Duration.ofSeconds(20));
      console.line("last");
      console.flush(Duration.ofSeconds(20));
    }
    long rows = text().lines().filter(line -> line.contains("row ")).count();
    long missing =
        Pattern.compile("\\(not shown: (\\d+) lines?\\)\n")
            .matcher(text())
            .results()
            .mapToLong(note -> Long.parseLong(note.group(1)))
            .sum();
    assertEquals(1000, rows + missing, text());
    assertTrue(text().endsWith(")\nlast\n"), text());
  }
}
