package dev.gyre.trainer.data;

/** Hears how preparing goes. Called from the thread that prepares. */
public interface PrepareListener {
  /** Hears nothing. */
  PrepareListener NONE =
      new PrepareListener() {
        @Override
        public void note(String line) {}

        @Override
        public void progress(long documents, long bytesDone, long bytesTotal) {}
      };

  /** A line for people, already worded. */
  void note(String line);

  /**
   * So much has been read; called now and then, and once at the end.
   *
   * @param bytesTotal size of all files; equal to {@code bytesDone} at the end
   */
  void progress(long documents, long bytesDone, long bytesTotal);
}
