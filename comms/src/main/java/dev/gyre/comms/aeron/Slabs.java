package dev.gyre.comms.aeron;

import dev.gyre.comms.CommsException;
import dev.gyre.comms.memory.LazyMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Memory of a rank that its peers on the host can map, one file each, and the peers' slabs that
 * this rank has mapped. All pages of a file are allocated when it is created. Files are removed on
 * close and never truncated, so that existing mappings stay valid.
 */
final class Slabs implements AutoCloseable {
  private record Slab(Path file, MemorySegment memory) {}

  private final Path folder;
  private final int epoch;
  private final int rank;
  private final Room room;
  private final Consumer<String> log;
  private final Arena arena = Arena.ofShared();
  private final List<Slab> own = new ArrayList<>();
  private final Map<Long, MemorySegment> mapped = new HashMap<>();
  private boolean toldTooSmall;

  /** Free bytes of a folder's file system. */
  @FunctionalInterface
  interface Room {
    long freeBytes(Path folder) throws IOException;
  }

  Slabs(Path folder, int epoch, int rank, Consumer<String> log) {
    this(folder, epoch, rank, log, at -> Files.getFileStore(at).getUsableSpace());
  }

  /** The same with a given function for the free room. */
  Slabs(Path folder, int epoch, int rank, Consumer<String> log, Room room) {
    this.room = room;
    this.folder = folder;
    this.epoch = epoch;
    this.rank = rank;
    this.log = log;
  }

  /** Zeroed memory; private to this process if the file system has no room for it. */
  MemorySegment allocate(String name, long bytes) {
    Path file = file(rank, own.size());
    try {
      MemorySegment memory = tryMake(file, Math.max(1, bytes));
      if (memory == null) {
        Files.delete(file);
        tellTooSmall(name, bytes);
        return anonymous(bytes);
      }
      own.add(new Slab(file, memory));
      return memory.asSlice(0, bytes);
    } catch (IOException failed) {
      throw new UncheckedIOException(
          "cannot make %d bytes of shared memory for %s in %s: %s"
              .formatted(bytes, name, folder, failed.getMessage()),
          failed);
    }
  }

  MemorySegment anonymous(long bytes) {
    return LazyMemory.allocate(arena, bytes, 64);
  }

  /** Null if the file system has too little room. */
  private @Nullable MemorySegment tryMake(Path file, long bytes) throws IOException {
    try (FileChannel channel = PrivateFiles.open(file)) {
      if (bytes > room.freeBytes(folder)) {
        return null;
      }
      MemorySegment memory = channel.map(MapMode.READ_WRITE, 0, bytes, arena);
      try {
        Pages.makeAll(channel, memory);
        return memory;
      } catch (IOException noRoom) {
        return null;
      }
    }
  }

  /**
   * Logged once: the first refused slab is the largest, and further lines would say nothing new.
   */
  private void tellTooSmall(String name, long bytes) throws IOException {
    if (toldTooSmall) {
      return;
    }
    toldTooSmall = true;
    FileStore store = Files.getFileStore(folder);
    log.accept(
        ("%s holds %d MB, %d MB free: too little for %d MB of %s, whose payload now goes through"
                + " the log; for full speed enlarge it (in a container: --shm-size; in a pod: an"
                + " emptyDir of medium Memory with a larger sizeLimit), or use fewer workers")
            .formatted(
                store.name(),
                store.getTotalSpace() >> 20,
                room.freeBytes(folder) >> 20,
                (bytes + (1 << 20) - 1) >> 20,
                name));
  }

  /** The number of the slab that contains the memory, −1 if none does. */
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

  /** A peer's slab, mapped on first use. */
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
