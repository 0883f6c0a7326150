package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.CommsException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Memory that peers map. */
class SlabsTest {
  @TempDir Path parent;
  private Path run = Path.of("");
  private final List<String> log = new ArrayList<>();

  @BeforeEach
  void makeRun() throws Exception {
    run = Files.createDirectory(parent.resolve("gyre-test-1-1"));
  }

  private Slabs slabs(int rank, long reserveBytes) {
    return new Slabs(run, 3, rank, reserveBytes, log::add);
  }

  @Test
  void aMappingOutlivesTheFile() throws Exception {
    try (Slabs reader = slabs(1, 0)) {
      MemorySegment seen;
      try (Slabs owner = slabs(0, 0)) {
        owner.allocate("first", 10);
        MemorySegment second = owner.allocate("second", 100_000);
        second.fill((byte) 7);
        assertEquals(1, owner.find(second.asSlice(500, 1000)));
        assertEquals(500, owner.offsetIn(1, second.asSlice(500, 1000)));
        seen = reader.ofPeer(0, 1);
        assertEquals(100_000, seen.byteSize());
        second.set(ValueLayout.JAVA_BYTE, 99_999, (byte) 8);
      }
      assertEquals(7, seen.get(ValueLayout.JAVA_BYTE, 99_998));
      assertEquals(8, seen.get(ValueLayout.JAVA_BYTE, 99_999));
      try (var left = Files.list(run)) {
        assertEquals(List.of(), left.toList());
      }
      CommsException failed = assertThrows(CommsException.class, () -> reader.ofPeer(0, 0));
      assertTrue(String.valueOf(failed.getMessage()).contains("rank 0"));
    }
  }

  @Test
  void memoryElsewhereIsInNoSlab() {
    try (Slabs slabs = slabs(0, 0)) {
      MemorySegment inside = slabs.allocate("inside", 100);
      assertEquals(0, slabs.find(inside));
      assertEquals(-1, slabs.find(slabs.anonymous(100)));
    }
  }

  /** The file system cannot hold what is asked together with what must stay free. */
  @Test
  void withoutRoomMemoryIsPrivateAndOneLineSaysSo() throws Exception {
    long most = 2 * Files.getFileStore(run).getTotalSpace();
    try (Slabs slabs = slabs(0, most)) {
      MemorySegment memory = slabs.allocate("the workspace", 5 << 20);
      memory.fill((byte) 1);
      assertEquals(-1, slabs.find(memory));
      assertEquals(1, log.size());
      for (String part : List.of("5 MB", "the workspace", "enlarge")) {
        assertTrue(log.getFirst().contains(part), log.getFirst());
      }
      try (var left = Files.list(run)) {
        assertEquals(List.of(), left.toList());
      }
    }
  }

  /** Two runs that each fit alone do not fit together, although no page is taken yet. */
  @Test
  void promisesOfOtherRunsCount() throws Exception {
    long total = Files.getFileStore(run).getTotalSpace();
    Path other = Files.createDirectory(parent.resolve("gyre-other-1-1"));
    try (var sparse = new RandomAccessFile(other.resolve("a.slab").toFile(), "rw")) {
      sparse.setLength(Math.max(1, total - (8 << 20)));
    } catch (IOException noSparseFilesHere) {
      Assumptions.abort("the file system refuses so large a sparse file");
    }
    try (Slabs slabs = slabs(0, 0)) {
      assertEquals(0, slabs.find(slabs.allocate("small", 1 << 20)));
      assertEquals(-1, slabs.find(slabs.allocate("large", 16 << 20)));
      assertFalse(log.isEmpty());
    }
  }
}
