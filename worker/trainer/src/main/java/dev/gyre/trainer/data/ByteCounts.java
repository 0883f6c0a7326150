package dev.gyre.trainer.data;

/**
 * Byte n-gram counts up to order 3, and their predictor. Each order is smoothed towards the one
 * below with a Dirichlet prior of {@link #BACK_OFF} pseudo-counts, the lowest towards the uniform
 * distribution.
 */
final class ByteCounts {
  /** Between 1 and 16 changes the trigram by about 0.01 on 5 MB of source code. */
  private static final double BACK_OFF = 4;

  private long total;
  private final int[] one = new int[256];
  private final int[] oneContext = new int[256];
  private final int[] two = new int[1 << 16];
  private final int[] twoContext = new int[1 << 16];
  private final int[] three = new int[1 << 24];

  void add(byte[] text) {
    int context = 0;
    for (int i = 0; i < text.length; i++) {
      int next = text[i] & 0xFF;
      total++;
      one[next]++;
      if (i >= 1) {
        oneContext[context & 0xFF]++;
        two[(context & 0xFF) << 8 | next]++;
      }
      if (i >= 2) {
        twoContext[context]++;
        three[context << 8 | next]++;
      }
      context = (context << 8 | next) & 0xFFFF;
    }
  }

  /**
   * Sum of −ln p over a document's bytes.
   *
   * @param order bytes a prediction looks back, 0 to 2; fewer at the start
   */
  double nats(byte[] text, int order) {
    double nats = 0;
    int context = 0;
    for (int i = 0; i < text.length; i++) {
      int next = text[i] & 0xFF;
      double p = (one[next] + BACK_OFF / 256) / (total + BACK_OFF);
      if (order >= 1 && i >= 1) {
        int before = context & 0xFF;
        p = (two[before << 8 | next] + BACK_OFF * p) / (oneContext[before] + BACK_OFF);
      }
      if (order >= 2 && i >= 2) {
        p = (three[context << 8 | next] + BACK_OFF * p) / (twoContext[context] + BACK_OFF);
      }
      nats -= StrictMath.log(p);
      context = (context << 8 | next) & 0xFFFF;
    }
    return nats;
  }
}
