package dev.gyre.deploy.run;

import dev.gyre.deploy.console.Console;
import dev.gyre.deploy.console.Units;
import dev.gyre.trainer.data.PrepareListener;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Shows the progress of data preparation: a transient line on a terminal, an occasional line on a
 * pipe.
 */
final class PreparationConsole implements PrepareListener {
  private static final long LINE_NANOS = Duration.ofSeconds(10).toNanos();

  private final Console console;
  private final LongSupplier nanoTime;
  private long began;
  private long shown;
  private boolean lines;
  private boolean ended;

  /**
   * @param nanoTime a clock as {@link System#nanoTime}
   */
  PreparationConsole(Console console, LongSupplier nanoTime) {
    this.console = console;
    this.nanoTime = nanoTime;
    this.began = nanoTime.getAsLong();
    this.shown = began;
  }

  @Override
  public void note(String line) {
    console.line(line);
    // Time spent waiting for another process does not count for the speed.
    began = nanoTime.getAsLong();
    shown = began;
  }

  @Override
  public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {
    long now = nanoTime.getAsLong();
    String text = text((now - began) / 1e9, documents, tokens, bytesDone, bytesTotal);
    if (console.isTerminal()) {
      console.busy(text);
      return;
    }
    boolean ends = bytesDone == bytesTotal && lines && !ended;
    if (ends || now - shown >= LINE_NANOS) {
      shown = now;
      lines = true;
      ended = ends;
      console.line(text);
    }
  }

  private static String text(
      double seconds, long documents, long tokens, long bytesDone, long bytesTotal) {
    double bytesPerSecond = bytesDone / Math.max(seconds, 1e-3);
    double left = (bytesTotal - bytesDone) / Math.max(bytesPerSecond, 1);
    return String.format(
        Locale.ROOT,
        "data   %s, %s of %s, %s/s, %s tokens/s, %s",
        Units.of(documents, "document"),
        Units.bytes(bytesDone),
        Units.bytes(bytesTotal),
        Units.bytes(bytesPerSecond),
        Units.count(tokens / Math.max(seconds, 1e-3)),
        bytesDone == bytesTotal ? "done in " + Units.seconds(seconds) : Units.left(left) + " left");
  }
}
