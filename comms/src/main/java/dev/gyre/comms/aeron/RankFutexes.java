package dev.gyre.comms.aeron;

import dev.gyre.comms.linux.Futex;
import java.io.IOException;
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
 * Wakes sleeping ranks of this host by futex. Each rank has a word in shared memory, which is 1
 * while one of its threads may be asleep. A thread that is about to sleep sets its own word, polls
 * for messages once more, and sleeps. A sender writes its message first and reads the receiver's
 * word afterwards. Both orders are sequentially consistent, so at least one side sees the other.
 */
final class RankFutexes implements AutoCloseable {
  /** One cache line per word, so that ranks do not share lines. */
  private static final long BYTES = 64;

  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();
  private static final int AWAKE = 0;
  private static final int ASLEEP = 1;

  private final AeronOptions options;
  private final @Nullable Futex futex;
  private final Arena arena = Arena.ofShared();
  private final @Nullable MemorySegment[] words;
  private final MemorySegment own;

  /** Creates this rank's word. Call it before the peers learn of this rank. */
  RankFutexes(AeronOptions options) {
    this.options = options;
    futex = options.isUdp() ? null : Futex.find().orElse(null);
    words = new MemorySegment[options.size()];
    if (futex == null) {
      own = arena.allocate(BYTES, BYTES);
      return;
    }
    Path file = file(options.rank());
    try (FileChannel made = PrivateFiles.open(file)) {
      own = made.map(MapMode.READ_WRITE, 0, BYTES, arena);
      Pages.makeAll(made, own);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot make " + file, failed);
    }
    words[options.rank()] = own;
  }

  /** Whether ranks sleep on futexes here; if not, the other methods do nothing. */
  boolean canSleep() {
    return futex != null;
  }

  /** Maps the peers' words. Call it after all have joined; a peer that has left is skipped. */
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

  /** From now on a message wakes this rank. Poll afterwards for messages that came before. */
  void arm() {
    WORD.setVolatile(own, 0L, ASLEEP);
  }

  /**
   * Sleeps until {@link #wake}, or for {@code nanos} at most; not at all if woken since {@link
   * #arm}.
   *
   * @param timeout 16 bytes that belong to the calling thread
   */
  void await(long nanos, MemorySegment timeout) {
    if (futex != null) {
      futex.await(own, ASLEEP, nanos, timeout);
    }
  }

  /**
   * Wakes a rank. Call it after writing a message to the rank, or with this rank's own number after
   * anything else that its waiting thread may wait for.
   */
  void wake(int rank) {
    MemorySegment word = words[rank];
    if (word == null || futex == null) {
      return;
    }
    VarHandle.fullFence(); // the message is visible before the word is read
    if ((int) WORD.getVolatile(word, 0L) == ASLEEP && WORD.compareAndSet(word, 0L, ASLEEP, AWAKE)) {
      futex.wakeAll(word);
    }
  }

  private Path file(int rank) {
    return options.folder().resolve("epoch-%d-rank-%d.futex".formatted(options.epoch(), rank));
  }

  /** Removes this rank's word. No thread may be asleep on it. */
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
