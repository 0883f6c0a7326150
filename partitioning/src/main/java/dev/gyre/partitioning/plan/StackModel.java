package dev.gyre.partitioning.plan;

/**
 * Byte counts of the worker's two-ended workspace: saved tensors at the bottom, scratch at the top,
 * and the peak of their sum.
 */
final class StackModel {
  /** Alignment of every tensor in the workspace. */
  private static final long ALIGNMENT_BYTES = 64;

  private long saved;
  private long savedExperts;
  private long scratch;
  private long peak;
  private long peakSaved;
  private long peakExperts;

  /** A position of all stacks to release them to. */
  record Mark(long saved, long savedExperts, long scratch) {}

  Mark mark() {
    return new Mark(saved, savedExperts, scratch);
  }

  void save(long bytes) {
    saved += aligned(bytes);
    updatePeak();
  }

  /** Saves bytes of dispatched rows. */
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

  /** Allocates scratch and releases it at once. */
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

  /** Saved bytes at the peak, without dispatched rows. */
  long peakSaved() {
    return peakSaved;
  }

  long peakExperts() {
    return peakExperts;
  }
}
