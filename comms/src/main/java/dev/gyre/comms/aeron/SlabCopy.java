package dev.gyre.comms.aeron;

import java.lang.foreign.MemorySegment;

/**
 * Copies payload out of a peer's slab. The JVM copies more than about 2.5 MB with stores that
 * bypass the caches. This is right for payloads that do not fit the cache. Payloads that fit are
 * copied in pieces small enough to stay in it, which is 1.5 times as fast.
 */
final class SlabCopy {
  /**
   * Sources and destinations of all ranks together that a shared cache of 32 MB can hold besides
   * other data. At twice this size, 4 ranks with 4 MB each, bypassing the caches takes half the
   * time.
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
