package dev.gyre.comms.aeron;

import dev.gyre.comms.linux.Futex;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Wakes ranks of this host that sleep. Each has a word in shared memory: 1 while a thread of it may
 * be asleep. A thread that is about to sleep sets its own word, looks for messages once more, and
 * sleeps; who writes a message looks at the reader's word afterwards. Both orders are sequentially
 * consistent, so one of the two sees the other.
 */
final class Doorbells implements AutoCloseable {
  /** A line of cache, so that ranks do not wait for each other's. */
  private static final long BYTES = 64;

  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();
  private static final int AWAKE = 0;
  private static final int ASLEEP = 1;

  private final AeronOptions options;
  private final @Nullable Futex futex;
  private final Arena arena = Arena.ofShared();
  private final @Nullable MemorySegment[] words;
  private final MemorySegment own;

  /** Hangs up this rank's, before the peers are told of it. */
  Doorbells(AeronOptions options) {
    this.options = options;
    futex = options.isUdp() ? null : Futex.find().orElse(null);
    words = new MemorySegment[options.size()];
    if (futex == null) {
      own = arena.allocate(BYTES, BYTES);
      return;
    }
    Path file = file(options.rank());
    try (RandomAccessFile made = new RandomAccessFile(file.toFile(), "rw")) {
      made.setLength(BYTES);
      own = made.getChannel().map(MapMode.READ_WRITE, 0, BYTES, arena);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot make " + file, failed);
    }
    words[options.rank()] = own;
  }

  /** Whether ranks can sleep here; otherwise all else does nothing. */
  boolean canSleep() {
    return futex != null;
  }

  /** After all have joined. A peer that has left again needs none. */
  void findPeers() {
    for (int peer = 0; peer < words.length; peer++) {
      if (peer != options.rank() && canSleep()) {
        words[peer] = map(file(peer));
      }
    }
  }

  private @Nullable MemorySegment map(Path file) {
    try (FileChannel channel =
        FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      return channel.map(MapMode.READ_WRITE, 0, BYTES, arena);
    } catch (NoSuchFileException gone) {
      return null;
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot map " + file, failed);
    }
  }

  /** From now on a message wakes this rank; to be followed by a look for those that came before. */
  void arm() {
    WORD.setVolatile(own, 0L, ASLEEP);
  }

  /**
   * Sleeps unless somebody has rung since {@link #arm}, at most so long.
   *
   * @param timeout 16 bytes of the calling thread's own
   */
  void await(long nanos, MemorySegment timeout) {
    if (futex != null) {
      futex.await(own, ASLEEP, nanos, timeout);
    }
  }

  /** After a message to this rank (its own number: after something else it may wait for). */
  void ring(int rank) {
    MemorySegment word = words[rank];
    if (word == null || futex == null) {
      return;
    }
    VarHandle.fullFence(); // the message before the look
    if ((int) WORD.getVolatile(word, 0L) == ASLEEP && WORD.compareAndSet(word, 0L, ASLEEP, AWAKE)) {
      futex.wakeAll(word);
    }
  }

  private Path file(int rank) {
    return options.folder().resolve("epoch-%d-rank-%d.bell".formatted(options.epoch(), rank));
  }

  /** No thread may be asleep here any more. */
  @Override
  public void close() {
    try {
      Files.deleteIfExists(file(options.rank()));
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot remove " + file(options.rank()), failed);
    } finally {
      arena.close();
    }
  }
}
