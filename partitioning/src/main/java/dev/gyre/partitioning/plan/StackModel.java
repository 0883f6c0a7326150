package dev.gyre.partitioning.plan;

/**
 * The worker's two-ended workspace in numbers: what is saved at its bottom, what is scratch at its
 * top, and the most that both were together.
 */
final class StackModel {
  /** As the workspace aligns every tensor. */
  private static final long ALIGNMENT_BYTES = 64;

  private long saved;
  private long savedExperts;
  private long scratch;
  private long peak;
  private long peakSaved;
  private long peakExperts;

  /** A place on all stacks to go back to. */
  record Mark(long saved, long savedExperts, long scratch) {}

  Mark mark() {
    return new Mark(saved, savedExperts, scratch);
  }

  void save(long bytes) {
    saved += aligned(bytes);
    updatePeak();
  }

  /** Saved, of dispatched rows. */
  void saveExperts(long bytes) {
    savedExperts += aligned(bytes);
    updatePeak();
  }

  void scratch(long bytes) {
    scratch += aligned(bytes);
    updatePeak();
  }

  void releaseSaved(Mark to) {
    saved = to.saved;
    savedExperts = to.savedExperts;
  }

  void releaseScratch(Mark to) {
    scratch = to.scratch;
  }

  /** Scratch that is given back at once. */
  void passing(long bytes) {
    scratch += aligned(bytes);
    updatePeak();
    scratch -= aligned(bytes);
  }

  private static long aligned(long bytes) {
    return Math.ceilDiv(bytes, ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  }

  private void updatePeak() {
    long now = saved + savedExperts + scratch;
    if (now > peak) {
      peak = now;
      peakSaved = saved;
      peakExperts = savedExperts;
    }
  }

  long savedSince(Mark mark) {
    return saved - mark.saved + savedExperts - mark.savedExperts;
  }

  long peak() {
    return peak;
  }

  /** Saved at the peak, but for dispatched rows. */
  long peakSaved() {
    return peakSaved;
  }

  long peakExperts() {
    return peakExperts;
  }
}
