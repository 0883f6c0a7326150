package dev.gyre.partitioning.layout;

/** Row positions of local tokens: the inverse of a layout's maps. */
public final class Positions {
  private Positions() {}

  /** Row position of a token in a ring rank's local order. */
  public static int of(SequenceLayout layout, int ringRank, int local) {
    int left = local;
    for (TokenRange run : layout.runs(ringRank)) {
      if (left < run.length()) {
        return run.start() + left;
      }
      left -= run.length();
    }
    throw new IndexOutOfBoundsException("local token " + local + " of ring rank " + ringRank);
  }
}
