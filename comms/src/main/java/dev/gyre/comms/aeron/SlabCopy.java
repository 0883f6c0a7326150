package dev.gyre.comms.aeron;

import java.lang.foreign.MemorySegment;

/**
 * Copies payload out of a peer's slab. The JVM copies more than some 2.5 MB with stores that go
 * around the caches. That is right for what no cache holds; what does fit is copied in pieces that
 * are small enough to stay in it, half as fast again.
 */
final class SlabCopy {
  /** Source and destination of two ranks fit in 32 MB of shared cache. */
  private static final long CACHED_BYTES = 8 << 20;

  private static final long PIECE_BYTES = 1 << 20;

  private SlabCopy() {}

  /** Fills {@code to}. */
  static void copy(MemorySegment slab, long offset, MemorySegment to) {
    long bytes = to.byteSize();
    long piece = bytes <= CACHED_BYTES ? PIECE_BYTES : bytes;
    for (long at = 0; at < bytes; at += piece) {
      MemorySegment.copy(slab, offset + at, to, at, Math.min(piece, bytes - at));
    }
  }
}
