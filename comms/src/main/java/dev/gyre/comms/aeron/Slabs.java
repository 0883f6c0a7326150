package dev.gyre.comms.aeron;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.memory.LazyMemory;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.DirectoryStream;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A rank's memory that its peers on the host can map, one file each, and the peers' slabs it has
 * mapped. Files are sparse; they are removed on close, never truncated, so that a mapping stays
 * valid as long as anyone has it.
 */
final class Slabs implements AutoCloseable {
  private record Slab(Path file, MemorySegment memory) {}

  private final Path folder;
  private final int epoch;
  private final int rank;
  private final long reserveBytes;
  private final Consumer<String> log;
  private final Arena arena = Arena.ofShared();
  private final List<Slab> own = new ArrayList<>();
  private final Map<Long, MemorySegment> mapped = new HashMap<>();
  private boolean toldTooSmall;

  /**
   * @param reserveBytes left free for logs: writing to a mapped file that finds no page is fatal
   *     (SIGBUS)
   */
  Slabs(Path folder, int epoch, int rank, long reserveBytes, Consumer<String> log) {
    this.folder = folder;
    this.epoch = epoch;
    this.rank = rank;
    this.reserveBytes = reserveBytes;
    this.log = log;
  }

  /** Zeroed memory; private to this process if the file system has no room for it. */
  MemorySegment allocate(String name, long bytes) {
    Path file = file(rank, own.size());
    try {
      long size = Math.max(1, bytes);
      try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
        sparse.setLength(size);
        String tooSmall = tooSmall(name, bytes);
        if (tooSmall != null) {
          Files.delete(file);
          if (!toldTooSmall) {
            // Once: the first to be refused is the largest, and what follows says nothing new.
            log.accept(tooSmall);
            toldTooSmall = true;
          }
          return anonymous(bytes);
        }
        MemorySegment memory = sparse.getChannel().map(MapMode.READ_WRITE, 0, size, arena);
        own.add(new Slab(file, memory));
        return memory.asSlice(0, bytes);
      }
    } catch (IOException failed) {
      throw new UncheckedIOException(
          "cannot make %d bytes of shared memory for %s in %s".formatted(bytes, name, folder),
          failed);
    }
  }

  MemorySegment anonymous(long bytes) {
    return LazyMemory.allocate(arena, bytes, 64);
  }

  /*
   * Pages are taken only when touched, so the free space alone says too little: all slabs that any
   * run has promised must fit as well. Two ranks that ask at the same moment both see both files.
   */
  private @Nullable String tooSmall(String name, long bytes) throws IOException {
    FileStore store = Files.getFileStore(folder);
    long promised = reserveBytes;
    Path runs = folder.toAbsolutePath().getParent();
    if (runs != null) {
      try (DirectoryStream<Path> folders = Files.newDirectoryStream(runs, "gyre-*")) {
        for (Path run : folders) {
          promised += promisedIn(run);
        }
      }
    }
    long free = store.getUsableSpace();
    if (free >= bytes + reserveBytes && store.getTotalSpace() >= promised) {
      return null;
    }
    return ("%s holds %d MB, %d MB free: too little for %d MB of %s, whose payload now goes through"
            + " the log; for full speed enlarge it (in a pod: an emptyDir of medium Memory with a"
            + " larger sizeLimit)")
        .formatted(
            store.name(),
            store.getTotalSpace() >> 20,
            free >> 20,
            (bytes + (1 << 20) - 1) >> 20,
            name);
  }

  private static long promisedIn(Path run) throws IOException {
    long promised = 0;
    try (DirectoryStream<Path> slabs = Files.newDirectoryStream(run, "*.slab")) {
      for (Path slab : slabs) {
        promised += Files.size(slab);
      }
    } catch (NoSuchFileException | NotDirectoryException endedMeanwhile) {
      return promised;
    }
    return promised;
  }

  /** The number of the slab that holds the memory, −1 if none does. */
  int find(MemorySegment memory) {
    for (int slab = 0; slab < own.size(); slab++) {
      long offset = memory.address() - own.get(slab).memory.address();
      if (offset >= 0 && offset + memory.byteSize() <= own.get(slab).memory.byteSize()) {
        return slab;
      }
    }
    return -1;
  }

  long offsetIn(int slab, MemorySegment memory) {
    return memory.address() - own.get(slab).memory.address();
  }

  /** A peer's slab, mapped when first asked for. */
  MemorySegment ofPeer(int peer, int slab) {
    long key = (long) peer << 32 | slab;
    MemorySegment known = mapped.get(key);
    if (known != null) {
      return known;
    }
    Path file = file(peer, slab);
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      MemorySegment memory = channel.map(MapMode.READ_ONLY, 0, channel.size(), arena);
      mapped.put(key, memory);
      return memory;
    } catch (IOException failed) {
      throw new CommsException(
          peer, "cannot map the shared memory of rank %d, %s: %s".formatted(peer, file, failed));
    }
  }

  private Path file(int ofRank, int slab) {
    return folder.resolve("epoch-%d-rank-%d-%d.slab".formatted(epoch, ofRank, slab));
  }

  @Override
  public void close() {
    for (Slab slab : own) {
      try {
        Files.deleteIfExists(slab.file);
      } catch (IOException failed) {
        log.accept("cannot remove " + slab.file + ": " + failed);
      }
    }
    own.clear();
    mapped.clear();
    arena.close();
  }
}
