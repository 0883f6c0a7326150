package dev.gyre.kernels.onednn.binding;

import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Native memory that is kept for a backend's life and grows on demand. Contents do not survive a
 * growth. Single-threaded.
 */
public final class Scratch implements AutoCloseable {
  private static final long ALIGNMENT_BYTES = 4096;

  private @Nullable Arena arena;
  private long address;
  private long size;

  /** The address of at least {@code bytes} bytes, page-aligned; earlier addresses are void. */
  @SuppressWarnings("MustBeClosedChecker") // closed by close(), or by the next growth
  public long atLeast(long bytes) {
    if (bytes > size || address == 0) {
      long wanted = Math.max(bytes, Math.max(ALIGNMENT_BYTES, size + size / 2));
      close();
      Arena fresh = Arena.ofShared();
      address = fresh.allocate(wanted, ALIGNMENT_BYTES).address();
      arena = fresh;
      size = wanted;
    }
    return address;
  }

  @Override
  public void close() {
    if (arena != null) {
      arena.close();
    }
    arena = null;
    address = 0;
    size = 0;
  }
}
