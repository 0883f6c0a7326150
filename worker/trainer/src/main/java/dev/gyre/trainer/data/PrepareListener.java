package dev.gyre.trainer.data;

/** Receives the progress of data preparation. Called from the preparing thread. */
public interface PrepareListener {
  /** Ignores all events. */
  PrepareListener NONE =
      new PrepareListener() {
        @Override
        public void note(String line) {}

        @Override
        public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {}
      };

  /** A line for the user. */
  void note(String line);

  /**
   * So much has been read; called after every batch, and once at the end.
   *
   * @param documents stored so far
   * @param tokens of them
   * @param bytesTotal size of all files; equal to {@code bytesDone} at the end
   */
  void progress(long documents, long tokens, long bytesDone, long bytesTotal);
}
