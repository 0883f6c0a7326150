package dev.gyre.deploy.console;

import dev.gyre.comms.linux.TerminalSize;
import java.io.PrintStream;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;

/**
 * Lines for a person on standard output. On a terminal a last, transient line shows work under way;
 * it is redrawn in place and never wider than the terminal. On a pipe there are only whole lines
 * and no control codes. Thread-safe.
 */
public final class Console {
  /** Of a terminal that does not say its size. */
  private static final int DEFAULT_COLUMNS = 80;

  /** A person reads no more than ten updates a second, and a slow connection carries no more. */
  private static final long REDRAW_NANOS = 100_000_000;

  private static final String CLEAR_LINE = "\r\u001b[2K";

  private final PrintStream out;
  private final boolean terminal;
  private final IntSupplier columns;
  private final LongSupplier nanoClock;
  private boolean transientLine;
  private long drawnNanos;

  public Console(PrintStream out, boolean terminal) {
    this(out, terminal, () -> 0, System::nanoTime);
  }

  /**
   * @param columns of the terminal, asked for each transient line; 0 if unknown
   * @param nanoClock as {@link System#nanoTime}
   */
  Console(PrintStream out, boolean terminal, IntSupplier columns, LongSupplier nanoClock) {
    this.out = out;
    this.terminal = terminal;
    this.columns = columns;
    this.nanoClock = nanoClock;
  }

  /** Standard output; a terminal if standard input and output both are. */
  public static Console standard() {
    java.io.Console console = System.console();
    boolean terminal = console != null && console.isTerminal() && System.getenv("NO_COLOR") == null;
    IntSupplier columns =
        terminal
            ? TerminalSize.find().<IntSupplier>map(size -> size::columns).orElse(() -> 0)
            : () -> 0;
    return new Console(System.out, terminal, columns, System::nanoTime);
  }

  public boolean isTerminal() {
    return terminal;
  }

  /** Whether a whole line takes one row of the terminal; on a pipe, always. */
  public boolean fits(String text) {
    return !terminal || TextWidth.of(text) <= columns();
  }

  public synchronized void line(String text) {
    clearTransient();
    out.println(text);
    out.flush();
  }

  /** A line under a short heading, as in {@code data 15,214 files}. */
  public void titled(String title, String text) {
    line(String.format("%-6s %s", title, text));
  }

  /**
   * Shows work under way on a terminal; the next line replaces it. Text that is too wide is cut,
   * and updates that come too fast are left out. Nothing on a pipe.
   */
  public synchronized void busy(String text) {
    long now = nanoClock.getAsLong();
    if (!terminal || (transientLine && now - drawnNanos < REDRAW_NANOS)) {
      return;
    }
    clearTransient();
    // Terminals wrap behind the last column, so it stays free.
    out.print(TextWidth.cut(text, columns() - 1));
    out.flush();
    transientLine = true;
    drawnNanos = now;
  }

  private int columns() {
    int known = columns.getAsInt();
    return known > 0 ? known : DEFAULT_COLUMNS;
  }

  private void clearTransient() {
    if (transientLine) {
      out.print(CLEAR_LINE);
      transientLine = false;
    }
  }
}
