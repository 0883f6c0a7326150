package dev.gyre.partitioning.layout;

import java.util.Random;

/** Rows for property tests; everything follows from the seed, which failures print. */
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

  /** At most {@code most} tokens: empty rows, single tokens, primes, one long document, crowds. */
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

  /** No window half of the time, else one from 1 to a little over the row. */
  public int window(Documents documents) {
    return random.nextBoolean() ? 0 : 1 + random.nextInt(documents.tokens() + 3);
  }

  /** Mostly small rings, sometimes up to 64. */
  public int ring() {
    return random.nextInt(5) == 0 ? 1 + random.nextInt(64) : 1 + random.nextInt(6);
  }
}
