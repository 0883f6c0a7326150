package dev.gyre.comms.memory;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

final class LazyMemoryTest {
  @Test
  void itIsZeroAlignedAndItsArenas() {
    MemorySegment kept;
    try (Arena arena = Arena.ofShared()) {
      for (long bytes : new long[] {0, 1, 63, 4096, 100_000_007}) {
        MemorySegment memory = LazyMemory.allocate(arena, bytes, 64);
        assertEquals(bytes, memory.byteSize());
        assertEquals(0, memory.address() % 64);
        for (long i = 0; i < bytes; i += Math.max(1, bytes / 1000)) {
          assertEquals(0, memory.get(ValueLayout.JAVA_BYTE, i));
        }
      }
      kept = LazyMemory.allocate(arena, 8, 64);
      kept.set(ValueLayout.JAVA_LONG, 0, 7);
    }
    assertThrows(IllegalStateException.class, () -> kept.get(ValueLayout.JAVA_LONG, 0));
  }

  /** Four gigabytes, of which two pages are touched. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void onlyTouchedPagesAreTaken() throws IOException {
    long before = residentKilobytes();
    try (Arena arena = Arena.ofShared()) {
      MemorySegment memory = LazyMemory.allocate(arena, 4L << 30, 64);
      memory.set(ValueLayout.JAVA_BYTE, 0, (byte) 1);
      memory.set(ValueLayout.JAVA_BYTE, memory.byteSize() - 1, (byte) 1);
      long taken = residentKilobytes() - before;
      assertTrue(taken < 1 << 20, taken + " kB");
    }
  }

  private static long residentKilobytes() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
      if (line.startsWith("VmRSS:")) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new AssertionError("no VmRSS");
  }
}
