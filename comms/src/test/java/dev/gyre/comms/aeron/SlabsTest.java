package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.CommsException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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

  private Slabs slabs(int rank) {
    return new Slabs(run, 3, rank, log::add);
  }

  @Test
  void aMappingOutlivesTheFile() throws Exception {
    try (Slabs reader = slabs(1)) {
      MemorySegment seen;
      try (Slabs owner = slabs(0)) {
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
    try (Slabs slabs = slabs(0)) {
      MemorySegment inside = slabs.allocate("inside", 100);
      assertEquals(0, slabs.find(inside));
      assertEquals(-1, slabs.find(slabs.anonymous(100)));
    }
  }

  @Test
  void withoutRoomMemoryIsPrivateAndOneLineSaysSo() throws Exception {
    try (Slabs slabs = new Slabs(run, 3, 0, log::add, _ -> 3 << 20)) {
      MemorySegment memory = slabs.allocate("the workspace", 5 << 20);
      memory.fill((byte) 1);
      assertEquals(-1, slabs.find(memory));
      assertEquals(-1, slabs.find(slabs.allocate("the weights", 4 << 20)));
      assertEquals(0, slabs.find(slabs.allocate("a few bytes", 1 << 20)));
      assertEquals(1, log.size());
      for (String part : List.of("3 MB free", "5 MB of the workspace", "enlarge", "--shm-size")) {
        assertTrue(log.getFirst().contains(part), log.getFirst());
      }
    }
    try (var left = Files.list(run)) {
      assertEquals(List.of(), left.toList());
    }
  }

  /** If a page were allocated at the first write, memory could have run out: a fatal fault. */
  @Test
  void allPagesAreMadeAtOnce() throws Exception {
    try (Slabs slabs = slabs(0)) {
      MemorySegment memory = slabs.allocate("data", 5 << 20);
      Process stat =
          new ProcessBuilder("stat", "-c", "%b", run.resolve("epoch-3-rank-0-0.slab").toString())
              .start();
      long blocks = Long.parseLong(new String(stat.getInputStream().readAllBytes()).strip());
      assertTrue(512 * blocks >= 5 << 20, blocks + " blocks of 512 bytes");
      assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, (5 << 20) - 1));
    }
  }
}
