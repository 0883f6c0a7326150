package dev.gyre.deploy.console;

import dev.gyre.comms.linux.TerminalSize;
import dev.gyre.deploy.files.BackgroundWriter;
import java.io.PrintStream;
import java.time.Duration;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Output lines for the user. On a terminal a last, transient line shows progress; it is redrawn in
 * place and never wider than the terminal. On a pipe there are only whole lines and no control
 * codes. Thread-safe.
 */
public final class Console implements AutoCloseable {
  /** Width of a terminal that does not report its size. */
  private static final int DEFAULT_COLUMNS = 80;

  /** At most ten updates per second: more are not readable, and too much for a slow connection. */
  private static final long REDRAW_NANOS = 100_000_000;

  private static final String CLEAR_LINE = "\r\u001b[2K";

  /** Lines that may wait for a blocked terminal: more than a day of table rows. */
  private static final int WAITING_LINES = 10_000;

  /** After this time at exit, a terminal that is still blocked loses the last lines. */
  private static final Duration CLOSE_LIMIT = Duration.ofSeconds(5);

  private final PrintStream out;
  private final boolean terminal;
  private final IntSupplier columns;
  private final LongSupplier nanoClock;
  private final PrintStream err;

  /** Null if printing may block the caller. */
  private final @Nullable BackgroundWriter background;

  private boolean transientLine;
  private long drawnNanos;
  private long missed;

  /** Prints synchronously: a blocked terminal blocks the caller. */
  public Console(PrintStream out, boolean terminal) {
    this(out, terminal, () -> 0, System::nanoTime);
  }

  /**
   * @param columns width of the terminal, read for each transient line; 0 if unknown
   * @param nanoClock as {@link System#nanoTime}
   */
  Console(PrintStream out, boolean terminal, IntSupplier columns, LongSupplier nanoClock) {
    this(out, System.err, terminal, columns, nanoClock, null);
  }

  private Console(
      PrintStream out,
      PrintStream err,
      boolean terminal,
      IntSupplier columns,
      LongSupplier nanoClock,
      @Nullable BackgroundWriter background) {
    this.out = out;
    this.err = err;
    this.terminal = terminal;
    this.columns = columns;
    this.nanoClock = nanoClock;
    this.background = background;
  }

  /** Standard output; a terminal if standard input and output both are. */
  public static Console standard() {
    boolean terminal = isStandardTerminal();
    return new Console(System.out, terminal, columns(terminal), System::nanoTime);
  }

  /** Standard output of a command that must not stop when its terminal is blocked (Ctrl-S). */
  public static Console patient() {
    boolean terminal = isStandardTerminal();
    return patient(System.out, System.err, terminal, columns(terminal), WAITING_LINES);
  }

  static Console patient(
      PrintStream out, PrintStream err, boolean terminal, IntSupplier columns, int waitingLines) {
    return new Console(
        out,
        err,
        terminal,
        columns,
        System::nanoTime,
        new BackgroundWriter("gyre-console", waitingLines, CLOSE_LIMIT, _ -> {}));
  }

  private static boolean isStandardTerminal() {
    java.io.Console console = System.console();
    return console != null && console.isTerminal() && System.getenv("NO_COLOR") == null;
  }

  private static IntSupplier columns(boolean terminal) {
    return terminal
        ? TerminalSize.find().<IntSupplier>map(size -> size::columns).orElse(() -> 0)
        : () -> 0;
  }

  public boolean isTerminal() {
    return terminal;
  }

  /** Whether a line fits in one row of the terminal; always true on a pipe. */
  public boolean fits(String text) {
    return !terminal || TextWidth.of(text) <= columns();
  }

  public synchronized void line(String text) {
    print(out, cleared(), text);
  }

  /** A line on standard error, in order with the others. */
  public synchronized void error(String text) {
    if (transientLine) {
      take(out, cleared());
    }
    print(err, "", text);
  }

  /** A line under a short heading, as in {@code data 15,214 files}. */
  public void titled(String title, String text) {
    line(String.format("%-6s %s", title, text));
  }

  /**
   * Shows progress on a terminal; the next line replaces it. Text that is too wide is cut, and
   * updates that follow too fast are skipped. Prints nothing on a pipe.
   */
  public synchronized void busy(String text) {
    long now = nanoClock.getAsLong();
    if (!terminal || (transientLine && now - drawnNanos < REDRAW_NANOS)) {
      return;
    }
    // The last column stays free, because terminals wrap after it.
    if (take(out, cleared() + TextWidth.cut(text, columns() - 1))) {
      transientLine = true;
      drawnNanos = now;
    }
  }

  private int columns() {
    int known = columns.getAsInt();
    return known > 0 ? known : DEFAULT_COLUMNS;
  }

  private String cleared() {
    String clear = transientLine ? CLEAR_LINE : "";
    transientLine = false;
    return clear;
  }

  /**
   * Lines for which the queue has no room are dropped and counted; a later line reports their
   * number.
   */
  private void print(PrintStream to, String clear, String text) {
    String note = missed == 0 ? "" : "(not shown: %s)%n".formatted(Units.of(missed, "line"));
    if (take(to, clear + note + text + System.lineSeparator())) {
      missed = 0;
    } else {
      missed++;
    }
  }

  private boolean take(PrintStream to, String text) {
    if (background == null) {
      write(to, text);
      return true;
    }
    return background.offer(() -> write(to, text));
  }

  private static void write(PrintStream to, String text) {
    to.print(text);
    to.flush();
  }

  /**
   * Waits until everything is printed, also if the user has blocked the terminal for long.
   *
   * @param limit longest time in which nothing is printed
   */
  public void flush(Duration limit) throws InterruptedException {
    if (background != null) {
      background.flush(limit);
    }
  }

  @Override
  public void close() {
    if (background != null) {
      background.close();
    }
  }
}
