package dev.gyre.deploy.launch;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Copies one worker's output to its own log, and line by line to the merged log. The worker's pipe
 * is read even if the logs fail, so that the worker never blocks on its output.
 */
final class WorkerOutput implements Runnable {
  static final int PIECE_BYTES = 8 << 10;

  /** Longer lines are split into pieces of this size in the merged log. */
  private static final int LINE_BYTES = 64 << 10;

  private final int rank;
  private final InputStream from;
  private final byte[] prefix;
  private final RunLogs logs;
  private final ByteArrayOutputStream line = new ByteArrayOutputStream();

  WorkerOutput(int rank, InputStream from, RunLogs logs) {
    this.rank = rank;
    this.from = from;
    this.prefix = ("[rank " + rank + "] ").getBytes(StandardCharsets.UTF_8);
    this.logs = logs;
  }

  @Override
  public void run() {
    byte[] buffer = new byte[PIECE_BYTES];
    try (InputStream in = from) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        logs.write(rank, Arrays.copyOf(buffer, n));
        split(buffer, n);
      }
    } catch (IOException e) {
      // The pipe of a killed process may end with an error; the output before it is written.
      endLine();
      line.writeBytes(("(output ends: " + e.getMessage() + ")").getBytes(StandardCharsets.UTF_8));
    }
    if (line.size() > 0) {
      endLine();
    }
  }

  private void split(byte[] bytes, int n) {
    int begin = 0;
    for (int i = 0; i < n; i++) {
      if (bytes[i] == '\n' || line.size() + (i - begin) >= LINE_BYTES) {
        line.write(bytes, begin, i - begin);
        endLine();
        begin = bytes[i] == '\n' ? i + 1 : i;
      }
    }
    line.write(bytes, begin, n - begin);
  }

  private void endLine() {
    byte[] whole = Arrays.copyOf(prefix, prefix.length + line.size() + 1);
    System.arraycopy(line.toByteArray(), 0, whole, prefix.length, line.size());
    whole[whole.length - 1] = '\n';
    logs.line(whole);
    line.reset();
  }
}
