package dev.gyre.trainer.data;

/** Receives the progress of data preparation. Called from the preparing thread. */
public interface PrepareListener {
  /** Ignores all events. */
  PrepareListener NONE =
      new PrepareListener() {
        @Override
        public void note(String line) {}

        @Override
        public void progress(long documents, long bytesDone, long bytesTotal) {}
      };

  /** A line for the user. */
  void note(String line);

  /**
   * Progress so far; called now and then, and once at the end.
   *
   * @param bytesTotal size of all files; equal to {@code bytesDone} at the end
   */
  void progress(long documents, long bytesDone, long bytesTotal);
}
