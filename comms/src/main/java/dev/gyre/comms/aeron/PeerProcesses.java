package dev.gyre.comms.aeron;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.jspecify.annotations.Nullable;

/**
 * The process of every rank on this host, as the ranks wrote it to the run's folder. So the end of
 * a process is noticed long before a deadline. A process of another PID namespace is not watched:
 * its number means nothing here, or another process.
 */
final class PeerProcesses {
  private static final Path NAMESPACE = Path.of("/proc/self/ns/pid");

  private final AeronOptions options;
  private final @Nullable ProcessHandle[] peers;
  private final String namespace = namespace();

  PeerProcesses(AeronOptions options) {
    this.options = options;
    peers = new ProcessHandle[options.size()];
  }

  /** Empty if the system has no namespaces. */
  private static String namespace() {
    try {
      return Files.isSymbolicLink(NAMESPACE) ? Files.readSymbolicLink(NAMESPACE).toString() : "";
    } catch (IOException hidden) {
      return "";
    }
  }

  /** Call it before the peers learn of this rank. */
  void announceSelf() {
    announce(ProcessHandle.current().pid(), namespace);
  }

  void announce(long pid, String pidNamespace) {
    Path file = file(options.rank());
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    try (FileChannel out = PrivateFiles.open(draft)) {
      out.write(ByteBuffer.wrap((pid + " " + pidNamespace).getBytes(StandardCharsets.UTF_8)));
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot write " + file + ": " + failed.getMessage(), failed);
    }
  }

  /** Call it after all have joined, while every process is known to run. */
  void findPeers() {
    for (int peer = 0; peer < options.size(); peer++) {
      peers[peer] = peer == options.rank() ? null : read(file(peer));
    }
  }

  private @Nullable ProcessHandle read(Path file) {
    try {
      String[] parts = Files.readString(file).split(" ", -1);
      return parts[1].equals(namespace)
          ? ProcessHandle.of(Long.parseLong(parts[0])).orElse(null)
          : null;
    } catch (NoSuchFileException onAnotherHost) {
      return null;
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot read " + file + ": " + failed.getMessage(), failed);
    }
  }

  /** Null while the peer's process runs; otherwise the error text. */
  @Nullable String obituary(int peer) {
    ProcessHandle process = peers[peer];
    return process == null || process.isAlive()
        ? null
        : "rank %d is gone: its process %d has ended".formatted(peer, process.pid());
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
