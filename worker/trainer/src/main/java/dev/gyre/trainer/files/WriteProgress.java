package dev.gyre.trainer.files;

/**
 * Receives the progress of a long write, so that a slow disk can be distinguished from one that
 * hangs. Called by the writing thread; must return at once.
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
