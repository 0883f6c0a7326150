package dev.gyre.trainer.data;

import java.nio.file.Path;

/** A process that prepares the folder {@code docs} and prints whether it made the store itself. */
final class PrepareInProcess implements PrepareListener {
  private boolean worked;

  private PrepareInProcess() {}

  @Override
  public void note(String line) {}

  @Override
  public void progress(long documents, long tokens, long bytesDone, long bytesTotal) {
    worked = true;
  }

  public static void main(String[] arguments) {
    DataFixture data = new DataFixture(Path.of(arguments[0]));
    PrepareInProcess listener = new PrepareInProcess();
    try (TokenStore store =
        data.prepare(
            DataFixture.dataset("best-fit", 0, DataFixture.source("docs", "")), listener)) {
      System.out.println((listener.worked ? "made " : "found ") + store.contentHash());
    }
  }
}
