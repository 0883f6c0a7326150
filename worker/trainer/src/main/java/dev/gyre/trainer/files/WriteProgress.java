package dev.gyre.trainer.files;

/**
 * Hears how far a long write has come, so that a slow disk is told from one that hangs. Called by
 * the writing thread; must return at once.
 */
@FunctionalInterface
public interface WriteProgress {
  WriteProgress NONE = (done, total) -> {};

  /**
   * @param doneBytes so far
   * @param totalBytes of the whole
   */
  void wrote(long doneBytes, long totalBytes);
}
