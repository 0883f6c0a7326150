package dev.gyre.partitioning.layout;

import dev.gyre.partitioning.mask.AttentionMask;
import java.util.Random;

/** Random rows for property tests; everything follows from the seed, which failures print. */
public final class RandomRows {
  private final Random random;

  public RandomRows(long seed) {
    random = new Random(seed);
  }

  public int below(int bound) {
    return random.nextInt(bound);
  }

  public <T> T anyOf(T[] values) {
    return values[random.nextInt(values.length)];
  }

  /**
   * At most {@code most} tokens: empty rows, single tokens, primes, one long document, many short
   * ones.
   */
  public Documents documents(int most) {
    return switch (random.nextInt(6)) {
      case 0 -> random.nextInt(4) == 0 ? new Documents() : new Documents(1);
      case 1 -> new Documents(1 + random.nextInt(most));
      case 2 -> new Documents(Math.min(most, 127), 1, 2);
      case 3 -> crowd(most, 4);
      case 4 -> crowd(most, Math.max(2, most / 3));
      default -> crowd(most, 40);
    };
  }

  private Documents crowd(int most, int longest) {
    int[] lengths = new int[most];
    int used = 0;
    int tokens = 0;
    int wanted = 1 + random.nextInt(most);
    while (tokens < wanted) {
      int length = 1 + random.nextInt(longest);
      if (tokens + length > most) {
        break;
      }
      lengths[used++] = length;
      tokens += length;
    }
    return new Documents(java.util.Arrays.copyOf(lengths, used));
  }

  /** Half of the time no window, else one from 1 to a little over the row's length. */
  public int window(Documents documents) {
    return random.nextBoolean() ? 0 : 1 + random.nextInt(documents.tokens() + 3);
  }

  /** A random mask: each part may be absent; lengths go from 1 to a little over the row's. */
  public AttentionMask mask(Documents documents) {
    AttentionMask mask = AttentionMask.window(window(documents));
    if (random.nextInt(3) == 0) {
      mask = mask.withSinks(1 + random.nextInt(random.nextBoolean() ? 5 : documents.tokens() + 3));
    }
    if (random.nextInt(3) == 0) {
      mask = mask.withAnchor();
    }
    if (random.nextInt(3) == 0) {
      mask = mask.withPrefix(1 + random.nextInt(random.nextBoolean() ? 9 : documents.tokens() + 3));
    }
    return mask;
  }

  /** Whether a query sees a key, both as row positions: the definition, one pair at a time. */
  public static boolean sees(AttentionMask mask, Documents documents, int query, int key) {
    int document = documents.documentOf(query);
    if (mask.anchor() && key == 0) {
      return true;
    }
    if (documents.documentOf(key) != document) {
      return false;
    }
    int p = query - documents.start(document);
    int s = key - documents.start(document);
    boolean near = mask.window() == 0 || p - s < mask.window() || s < mask.sinks();
    return (s <= p && near) || (p < mask.prefix() && s < mask.prefix());
  }

  /** Mostly small rings, sometimes up to 64. */
  public int ring() {
    return random.nextInt(5) == 0 ? 1 + random.nextInt(64) : 1 + random.nextInt(6);
  }
}
