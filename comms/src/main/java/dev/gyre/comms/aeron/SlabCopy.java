package dev.gyre.comms.aeron;

import java.lang.foreign.MemorySegment;

/**
 * Copies payload out of a peer's slab. The JVM copies more than some 2.5 MB with stores that go
 * around the caches. That is right for what no cache holds; what does fit is copied in pieces that
 * are small enough to stay in it, half as fast again.
 */
final class SlabCopy {
  /**
   * Sources and destinations of all ranks together that a shared cache of 32 MB holds beside all
   * else. At twice as much, 4 ranks with 4 MB each, streaming takes half the time.
   */
  private static final long CACHED_BYTES = 16 << 20;

  private static final long PIECE_BYTES = 1 << 20;

  private final long mostInPieces;

  /**
   * @param ranks of this host, which copy at the same time
   */
  SlabCopy(int ranks) {
    mostInPieces = CACHED_BYTES / (2L * ranks);
  }

  /** Fills {@code to}. */
  void copy(MemorySegment slab, long offset, MemorySegment to) {
    long bytes = to.byteSize();
    long piece = bytes <= mostInPieces ? PIECE_BYTES : bytes;
    for (long at = 0; at < bytes; at += piece) {
      MemorySegment.copy(slab, offset + at, to, at, Math.min(piece, bytes - at));
    }
  }
}
