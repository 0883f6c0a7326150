package dev.gyre.kernels.onednn.binding;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The compiled products, at most {@link #capacity} of them: a set-associative table, so that a
 * look-up touches a few neighbours, allocates nothing, and a full set evicts its least recently
 * used product. Compiling one takes about 1 to 5 ms, a look-up some nanoseconds.
 */
final class MatmulCache {
  private static final int WAYS = 8;

  private final OneDnn oneDnn;
  private final @Nullable Matmul[] table;
  private final MemorySegment arguments;
  private long tick;
  private long compiled;

  /**
   * @param sets the capacity divided by the ways of a set
   */
  MatmulCache(OneDnn oneDnn, Arena arena, int sets) {
    this.oneDnn = oneDnn;
    this.table = new Matmul[sets * WAYS];
    this.arguments = arena.allocate(table.length * Matmul.ARGUMENTS_BYTES, 64);
  }

  Matmul get(int flags, int m, int n, int k, int lda, int ldb, int ldc) {
    int first = set(flags, m, n, k, lda, ldb, ldc) * WAYS;
    tick++;
    for (int i = first; i < first + WAYS; i++) {
      Matmul candidate = table[i];
      if (candidate != null && candidate.is(flags, m, n, k, lda, ldb, ldc)) {
        candidate.lastUse = tick;
        return candidate;
      }
    }
    return compile(first, flags, m, n, k, lda, ldb, ldc);
  }

  private Matmul compile(int first, int flags, int m, int n, int k, int lda, int ldb, int ldc) {
    int victim = first;
    for (int i = first; i < first + WAYS; i++) {
      Matmul candidate = table[i];
      Matmul oldest = table[victim];
      if (candidate == null || (oldest != null && candidate.lastUse < oldest.lastUse)) {
        victim = i;
      }
      if (candidate == null) {
        break;
      }
    }
    Matmul oldest = table[victim];
    if (oldest != null) {
      oldest.destroy(oneDnn);
      table[victim] = null;
    }
    MemorySegment slot = arguments.asSlice(victim * Matmul.ARGUMENTS_BYTES, Matmul.ARGUMENTS_BYTES);
    Matmul made = new Matmul(oneDnn, flags, m, n, k, lda, ldb, ldc, slot);
    made.lastUse = tick;
    table[victim] = made;
    compiled++;
    return made;
  }

  private int set(int flags, int m, int n, int k, int lda, int ldb, int ldc) {
    int h = flags;
    h = h * 31 + m;
    h = h * 31 + n;
    h = h * 31 + k;
    h = h * 31 + lda;
    h = h * 31 + ldb;
    h = h * 31 + ldc;
    h *= 0x9E3779B9; // spread: shapes are mostly powers of two
    return (h >>> 16) % (table.length / WAYS);
  }

  /** Products compiled so far, including evicted ones. */
  long compiled() {
    return compiled;
  }

  /** Most products held at once. */
  int capacity() {
    return table.length;
  }

  int size() {
    int count = 0;
    for (Matmul m : table) {
      count += m == null ? 0 : 1;
    }
    return count;
  }

  void close() {
    for (Matmul m : table) {
      if (m != null) {
        m.destroy(oneDnn);
      }
    }
    Arrays.fill(table, null);
  }
}
