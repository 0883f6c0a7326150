package dev.gyre.kernels.vector;

import dev.gyre.kernels.Workspace;
import java.lang.foreign.Arena;

/**
 * Memory of a kernel. It grows to the largest size that a call needed and is kept until closed.
 * Used by one call at a time.
 */
public final class Scratch implements AutoCloseable {
  private static final long FIRST_BYTES = 1 << 20;
  private static final long PAGE_BYTES = 4096;

  private Arena arena = Arena.ofShared();
  private long base;
  private long size;

  /**
   * Address of at least {@code bytes} bytes, aligned to a page. Its contents are undefined. If the
   * memory has to grow, earlier addresses become invalid.
   */
  @SuppressWarnings("MustBeClosedChecker") // closed on growth and by close()
  public long reserve(long bytes) {
    if (bytes > size || base == 0) {
      arena.close();
      arena = Arena.ofShared();
      size = Math.max(FIRST_BYTES, bytes + bytes / 4);
      base = arena.allocate(size, PAGE_BYTES).address();
    }
    return base;
  }

  /** Bytes for {@code floats} floats, rounded up to whole cache lines. */
  public static long bytes(long floats) {
    return (floats * 4 + Workspace.ALIGNMENT_BYTES - 1) & -Workspace.ALIGNMENT_BYTES;
  }

  @Override
  public void close() {
    arena.close();
  }
}
