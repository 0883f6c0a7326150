package dev.gyre.comms.aeron;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * Which process of this host is which rank, as the ranks wrote it into the run's folder, so that
 * the end of one is seen long before a deadline.
 */
final class PeerProcesses {
  private final AeronOptions options;
  private final @Nullable ProcessMark[] marks;

  PeerProcesses(AeronOptions options) {
    this.options = options;
    marks = new ProcessMark[options.size()];
  }

  /** Before the peers are told of this rank. */
  void announceSelf() {
    ProcessMark self = ProcessMark.current();
    Path file = file(options.rank());
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try {
      Files.writeString(draft, self.pid() + " " + self.startMillis());
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot write " + file, failed);
    }
  }

  /** After all have joined. A process that cannot be seen from here is not watched. */
  void findPeers() {
    for (int peer = 0; peer < options.size(); peer++) {
      ProcessMark mark = peer == options.rank() ? null : read(file(peer));
      marks[peer] = mark != null && mark.isAlive() ? mark : null;
    }
  }

  private static @Nullable ProcessMark read(Path file) {
    try {
      String[] parts = Files.readString(file).split(" ", -1);
      return new ProcessMark(Long.parseLong(parts[0]), Long.parseLong(parts[1]));
    } catch (NoSuchFileException onAnotherHost) {
      return null;
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot read " + file, failed);
    }
  }

  /** Null while the peer lives; otherwise what to say of it. */
  @Nullable String obituary(int peer) {
    ProcessMark mark = marks[peer];
    return mark == null || mark.isAlive()
        ? null
        : "rank %d is gone: its process %d has ended".formatted(peer, mark.pid());
  }

  void withdrawSelf() {
    try {
      Files.deleteIfExists(file(options.rank()));
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot remove " + file(options.rank()), failed);
    }
  }

  private Path file(int rank) {
    return options.folder().resolve("epoch-%d-rank-%d.pid".formatted(options.epoch(), rank));
  }
}
