package dev.gyre.deploy.command.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.deploy.Main;
import dev.gyre.deploy.console.Console;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystemException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** If no sample can be made, one line says so, however the child process failed. */
final class SampleTextTest {
  @Test
  void theChildRunsGyre() {
    assertEquals(Main.class.getName(), SampleText.MAIN_CLASS);
  }

  private static String run(String script) throws IOException, InterruptedException {
    return SampleText.run(List.of("sh", "-c", script), Duration.ofSeconds(20), "./gyre generate x");
  }

  private static String line(Callable<String> text) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    PrintStream print = new PrintStream(out, true, StandardCharsets.UTF_8);
    TrainSummary.extra(new Console(print, false), "text", text);
    return out.toString(StandardCharsets.UTF_8);
  }

  @Test
  void whatTheChildSaysIsQuotedInOneLine() throws Exception {
    assertEquals("\"a\\nb\\tc\"", run("printf 'a\\nb\\tc\\n'"));
    assertEquals("\"\u00b7[2Ja\"", run("printf '\\033[2Ja'"));
  }

  @Test
  void malformedTextIsReplacedAsAModelMayWriteAnything() throws Exception {
    assertEquals("\"a\ufffdb\ufffd\"", run("printf 'a\\377b\\342\\202'"));
  }

  @Test
  void moreTextThanAPipeHoldsIsNoDeadlock() throws Exception {
    assertEquals(300_000 + 2, run("head -c 300000 /dev/zero | tr '\\0' x").length());
  }

  @Test
  void aChildThatFailsOrIsKilledIsNamed() {
    assertEquals(
        "text   none: it ended with exit code 3; ./gyre generate x shows why\n",
        line(() -> run("echo text; exit 3")));
    assertTrue(line(() -> run("kill -9 $$")).contains("exit code 137"));
    assertTrue(
        line(() -> SampleText.run(List.of("/no/such/java"), Duration.ofSeconds(1), ""))
            .startsWith("text   none: "));
  }

  @Test
  void aChildThatHangsIsEnded() {
    IOException e =
        assertThrows(
            IOException.class,
            () -> SampleText.run(List.of("sleep", "600"), Duration.ofMillis(100), "x"));
    assertTrue(e.getMessage().startsWith("it took more than"), e.getMessage());
  }

  @Test
  void nothingThatGoesWrongIsThrown() {
    assertEquals(
        "text   none: TMP/x: Read-only file system\n",
        line(
            () -> {
              throw new FileSystemException("TMP/x", null, "Read-only file system");
            }));
    assertTrue(
        line(() -> {
              throw new OutOfMemoryError("Java heap space");
            })
            .startsWith("text   none: out of memory"));
    assertTrue(
        line(() -> {
              throw new IllegalStateException("broken");
            })
            .startsWith("text   none: "));
    assertTrue(
        line(() -> {
              throw new InterruptedException();
            })
            .startsWith("text   none: interrupted"));
    assertTrue(Thread.interrupted());
  }
}
