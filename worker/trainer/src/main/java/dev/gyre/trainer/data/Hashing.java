package dev.gyre.trainer.data;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/**
 * Counter-based random numbers for every choice about data: a key's number does not depend on
 * earlier calls.
 */
final class Hashing {
  /** Purposes separate choices with the same seed and epoch. */
  static final long HOLD_OUT = 1;

  static final long DRAW = 2;
  static final long PACK = 3;
  static final long BASELINE = 4;
  static final long RECALL = 5;

  private static final long GOLDEN_GAMMA = 0x9E3779B97F4A7C15L;

  private Hashing() {}

  /** Source: the finalizer of SplitMix64 (Steele, Lea, Flood 2014), variant 13 of Stafford. */
  static long mix(long x) {
    long z = x;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  static long hash(long seed, long purpose, long a, long b) {
    long h = mix(seed + GOLDEN_GAMMA);
    h = mix((h ^ purpose) + GOLDEN_GAMMA);
    h = mix((h ^ a) + GOLDEN_GAMMA);
    return mix((h ^ b) + GOLDEN_GAMMA);
  }

  /** In [0, 1). */
  static double unit(long hash) {
    return (hash >>> 11) * 0x1p-53;
  }

  /** The first 8 bytes of a digest. */
  static long firstLong(byte[] digest) {
    long word = 0;
    for (int i = 0; i < Long.BYTES; i++) {
      word = word << 8 | (digest[i] & 0xFF);
    }
    return word;
  }

  /** In-place Fisher-Yates shuffle, keyed. */
  static void shuffle(int[] values, int from, int to, long key) {
    for (int i = to - 1; i > from; i--) {
      long word = mix(key + (long) i * GOLDEN_GAMMA) >>> 32;
      int other = from + (int) ((word * (i - from + 1)) >>> 32);
      int kept = values[i];
      values[i] = values[other];
      values[other] = kept;
    }
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }

  /** Adds a string and a terminator, so that adjacent strings stay distinct. */
  static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    digest.update((byte) 0);
  }
}
