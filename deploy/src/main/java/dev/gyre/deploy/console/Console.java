package dev.gyre.deploy.console;

import java.io.PrintStream;

/**
 * Lines for a person on standard output. On a terminal the last line may be redrawn in place; on a
 * pipe there are only whole lines and no control codes. Thread-safe.
 */
public final class Console {
  private final PrintStream out;
  private final boolean terminal;
  private boolean transientLine;

  public Console(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
  }

  /** Standard output, a terminal if both its ends are one. */
  public static Console standard() {
    java.io.Console console = System.console();
    boolean terminal = console != null && console.isTerminal() && System.getenv("NO_COLOR") == null;
    return new Console(System.out, terminal);
  }

  public boolean isTerminal() {
    return terminal;
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

  /** Shows work under way on a terminal; the next line replaces it. Nothing on a pipe. */
  public synchronized void busy(String text) {
    if (terminal) {
      clearTransient();
      out.print(text);
      out.flush();
      transientLine = true;
    }
  }

  private void clearTransient() {
    if (transientLine) {
      out.print("\r\u001b[2K");
      transientLine = false;
    }
  }
}
