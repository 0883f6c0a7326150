package dev.gyre.deploy.launch;

import static java.nio.file.StandardOpenOption.APPEND;
import static java.nio.file.StandardOpenOption.CREATE;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Copies one worker's output, as it comes, into its own log and line by line into the merged one. A
 * log that cannot be written is given up; the worker's pipe is emptied in any case, so that it
 * never blocks on its own output.
 */
final class WorkerOutput implements Runnable {
  /** A line without end is cut into pieces of this size in the merged log. */
  private static final int LINE_BYTES = 64 << 10;

  private final InputStream from;
  private final Path log;
  private final byte[] prefix;
  private final MergedLog merged;

  WorkerOutput(int rank, InputStream from, Path log, MergedLog merged) {
    this.from = from;
    this.log = log;
    this.prefix = ("[rank " + rank + "] ").getBytes(StandardCharsets.UTF_8);
    this.merged = merged;
  }

  @Override
  public void run() {
    byte[] buffer = new byte[8 << 10];
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    try (InputStream in = from;
        OutputStream out = open()) {
      OutputStream own = out;
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        own = write(own, buffer, n);
        split(buffer, n, line);
      }
    } catch (IOException e) {
      // The pipe of a process that was killed may end so; what came before is written.
      merged.line(
          prefix, ("(output ends: " + e.getMessage() + ")").getBytes(StandardCharsets.UTF_8));
    }
    if (line.size() > 0) {
      merged.line(prefix, line.toByteArray());
    }
  }

  private OutputStream open() {
    try {
      return Files.newOutputStream(log, CREATE, APPEND);
    } catch (IOException e) {
      return lost(e);
    }
  }

  private OutputStream write(OutputStream own, byte[] bytes, int n) {
    try {
      own.write(bytes, 0, n);
      return own;
    } catch (IOException e) {
      return lost(e);
    }
  }

  private OutputStream lost(IOException e) {
    merged.line(prefix, ("(" + log + ": " + e.getMessage() + ")").getBytes(StandardCharsets.UTF_8));
    return OutputStream.nullOutputStream();
  }

  private void split(byte[] bytes, int n, ByteArrayOutputStream line) {
    int begin = 0;
    for (int i = 0; i < n; i++) {
      if (bytes[i] == '\n' || line.size() + (i - begin) >= LINE_BYTES) {
        line.write(bytes, begin, i - begin);
        merged.line(prefix, line.toByteArray());
        line.reset();
        begin = bytes[i] == '\n' ? i + 1 : i;
      }
    }
    line.write(bytes, begin, n - begin);
  }

  /** The merged log: whole lines of any worker. */
  static final class MergedLog implements AutoCloseable {
    private @Nullable OutputStream out;

    MergedLog(Path path) throws IOException {
      out = Files.newOutputStream(path, CREATE, APPEND);
    }

    synchronized void line(byte[] prefix, byte[] line) {
      if (out == null) {
        return;
      }
      byte[] whole = new byte[prefix.length + line.length + 1];
      System.arraycopy(prefix, 0, whole, 0, prefix.length);
      System.arraycopy(line, 0, whole, prefix.length, line.length);
      whole[whole.length - 1] = '\n';
      try {
        out.write(whole);
      } catch (IOException _) {
        // A full disk ends the run where it hurts, at the checkpoint; not here.
        close();
      }
    }

    @Override
    public synchronized void close() {
      OutputStream closing = out;
      out = null;
      if (closing != null) {
        try {
          closing.close();
        } catch (IOException _) {
          // Unbuffered: nothing was left to write.
          return;
        }
      }
    }
  }
}
