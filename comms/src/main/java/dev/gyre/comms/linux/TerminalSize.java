package dev.gyre.comms.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** The size of the terminal that standard output writes to. Source: ioctl_tty(2), TIOCGWINSZ. */
public final class TerminalSize {
  private static final int STANDARD_OUTPUT = 1;
  private static final long GET_WINDOW_SIZE = 0x5413;

  /** Four unsigned shorts: rows, columns, and both in pixels. */
  private static final int WINSIZE_BYTES = 8;

  private static final int COLUMNS_AT = 2;

  private final SystemCalls calls;

  private TerminalSize(SystemCalls calls) {
    this.calls = calls;
  }

  /** Empty if the system has no such call. */
  public static Optional<TerminalSize> find() {
    return SystemCalls.find().map(TerminalSize::new);
  }

  /** Columns; 0 if standard output is not a terminal, or if its size is unknown. */
  public int columns() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment size = arena.allocate(WINSIZE_BYTES, Long.BYTES);
      if (calls.control(STANDARD_OUTPUT, GET_WINDOW_SIZE, size.address()) != 0) {
        return 0;
      }
      return Short.toUnsignedInt(size.get(ValueLayout.JAVA_SHORT, COLUMNS_AT));
    }
  }
}
