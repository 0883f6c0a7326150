package dev.gyre.trainer.offload;

import dev.gyre.model.tape.ActivationStore;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * A rank's stack of activations in a file. The file is unlinked as soon as it is open, so it is
 * gone when this is closed or the process dies. Its size is at most that of one micro-batch's
 * activations, because the next micro-batch reuses it.
 *
 * <p>{@link #push} copies into the page cache, which the operating system writes back while the
 * next block computes. If memory is short, it makes the writer wait, which bounds the dirty pages.
 * After a {@link #pop} a thread of its own reads the next entries into the page cache, while the
 * block just read computes. All methods but {@link #close} are called by one thread.
 */
public final class DiskActivations implements ActivationStore, AutoCloseable {
  /**
   * A buffer of one read or write is bounded by an int. A smaller piece also limits the cost of an
   * error.
   */
  private static final long PIECE_BYTES = 64L << 20;

  /** Entries of one segment: its input, and what it keeps for the backward pass. */
  private static final int ENTRIES_AHEAD = 2;

  private static final Duration END_OF_READ = Duration.ofSeconds(10);

  private final Path folder;
  private final int rank;
  private final FileChannel file;
  private final ExecutorService ahead;
  private long[] starts = new long[64]; // of each entry; the end of the last one follows
  private int entries;

  /** First entry that has been read ahead of its pop. */
  private int asked;

  DiskActivations(Path folder, int rank, FileChannel file) {
    this.folder = folder;
    this.rank = rank;
    this.file = file;
    this.ahead =
        Executors.newSingleThreadExecutor(
            Thread.ofPlatform().daemon().name("gyre-offload-" + rank).factory());
  }

  /**
   * @throws OffloadException if the folder cannot be written to, or has less room than expected
   */
  public static DiskActivations open(OffloadSpec spec, int rank) {
    Path folder = spec.folder().toAbsolutePath();
    try {
      Files.createDirectories(folder);
      FileStore disk = Files.getFileStore(folder);
      if (disk.getUsableSpace() < spec.expectedBytes()) {
        throw new OffloadException(
            "rank %d needs %,d bytes in %s to offload activations, but only %,d are free. %s"
                .formatted(rank, spec.expectedBytes(), folder, disk.getUsableSpace(), wayOut()));
      }
      Path name = folder.resolve("activations-rank-%d-%s".formatted(rank, UUID.randomUUID()));
      FileChannel file =
          FileChannel.open(
              name,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE);
      try {
        Files.delete(name);
      } catch (IOException e) {
        file.close();
        throw e;
      }
      return new DiskActivations(folder, rank, file);
    } catch (IOException e) {
      throw new OffloadException(
          "rank %d cannot offload activations to %s: %s. %s".formatted(rank, folder, e, wayOut()),
          e);
    }
  }

  private static String wayOut() {
    return "Name another disk with train.offload-folder, or set train.offload: false";
  }

  @Override
  public void push(long address, long bytes) {
    if (entries + 2 > starts.length) {
      starts = java.util.Arrays.copyOf(starts, 2 * starts.length);
    }
    long at = starts[entries];
    try {
      for (long done = 0; done < bytes; ) {
        ByteBuffer piece = buffer(address + done, Math.min(PIECE_BYTES, bytes - done));
        done += file.write(piece, at + done);
      }
    } catch (IOException e) {
      throw new OffloadException(
          "rank %d cannot write %,d bytes of activations, after %,d, to %s: %s. %s"
              .formatted(rank, bytes, at, folder, e.getMessage(), wayOut()),
          e);
    }
    starts[++entries] = at + bytes;
    asked = entries;
  }

  @Override
  public void pop(long address, long bytes) {
    if (entries == 0 || starts[entries] - starts[entries - 1] != bytes) {
      throw new IllegalStateException(
          "%d bytes are popped where %s"
              .formatted(
                  bytes,
                  entries == 0
                      ? "nothing is stored"
                      : (starts[entries] - starts[entries - 1]) + " were pushed"));
    }
    long at = starts[--entries];
    try {
      for (long done = 0; done < bytes; ) {
        int read =
            file.read(buffer(address + done, Math.min(PIECE_BYTES, bytes - done)), at + done);
        if (read < 0) {
          throw new IOException("the file ends at " + (at + done));
        }
        done += read;
      }
    } catch (IOException e) {
      throw new OffloadException(
          "rank %d cannot read %,d bytes of activations back from %s: %s"
              .formatted(rank, bytes, folder, e),
          e);
    }
    readAhead();
  }

  /** Starts reading the next entries ahead, each once. */
  private void readAhead() {
    asked = Math.min(asked, entries);
    int until = Math.max(0, entries - ENTRIES_AHEAD);
    if (until < asked) {
      long from = starts[until];
      long to = starts[asked];
      asked = until;
      ahead.execute(() -> load(from, to));
    }
  }

  /**
   * Reads into the page cache. An error here is ignored: the read itself will fail too, and report
   * it.
   */
  private void load(long from, long to) {
    try (Arena arena = Arena.ofConfined()) {
      file.map(MapMode.READ_ONLY, from, to - from, arena).load();
    } catch (IOException | InternalError | RuntimeException e) {
      return;
    }
  }

  @Override
  public void clear() {
    entries = 0;
    asked = 0;
  }

  @SuppressWarnings("restricted") // the workspace's memory, which outlives the call
  private static ByteBuffer buffer(long address, long bytes) {
    return MemorySegment.ofAddress(address).reinterpret(bytes).asByteBuffer();
  }

  /** Frees the file's space. */
  @Override
  public void close() {
    ahead.shutdownNow();
    boolean interrupted = false;
    try {
      ahead.awaitTermination(END_OF_READ.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      interrupted = true;
    }
    try {
      file.close();
    } catch (IOException e) {
      throw new OffloadException("rank " + rank + " cannot close its activations' file", e);
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
