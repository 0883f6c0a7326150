package dev.gyre.trainer.offload;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

final class DiskActivationsTest {
  @TempDir private Path folder;

  @Test
  void whatWasPushedLastComesBackFirst() {
    int[] sizes = {1, 4096, 0, 100_003, 65_536, 7};
    Random random = new Random(3);
    try (Arena arena = Arena.ofConfined();
        DiskActivations store = DiskActivations.open(new OffloadSpec(folder, 1 << 20), 1)) {
      MemorySegment memory = arena.allocate(100_003, 64);
      for (int pass = 0; pass < 3; pass++) {
        byte[][] pushed = new byte[sizes.length][];
        for (int i = 0; i < sizes.length; i++) {
          pushed[i] = new byte[sizes[i]];
          random.nextBytes(pushed[i]);
          MemorySegment.copy(pushed[i], 0, memory, ValueLayout.JAVA_BYTE, 0, sizes[i]);
          store.push(memory.address(), sizes[i]);
          memory.fill((byte) 0);
        }
        for (int i = sizes.length - 1; i >= 0; i--) {
          store.pop(memory.address(), sizes[i]);
          assertArrayEquals(
              pushed[i], memory.asSlice(0, sizes[i]).toArray(ValueLayout.JAVA_BYTE), "entry " + i);
        }
      }
    }
  }

  @Test
  void aPassThatBrokeIsForgotten() {
    try (Arena arena = Arena.ofConfined();
        DiskActivations store = DiskActivations.open(new OffloadSpec(folder, 0), 0)) {
      MemorySegment memory = arena.allocate(64, 64);
      store.push(memory.address(), 64);
      store.clear();
      assertThrows(IllegalStateException.class, () -> store.pop(memory.address(), 64));
      store.push(memory.address(), 32);
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> store.pop(memory.address(), 64));
      assertTrue(e.getMessage().contains("64 bytes"), e.getMessage());
      assertTrue(e.getMessage().contains("32 were pushed"), e.getMessage());
    }
  }

  /** A file without a name cannot be left behind by a killed process. */
  @Test
  void theFileHasNoNameWhileItIsInUse() throws IOException {
    Path made = folder.resolve("a/b");
    try (Arena arena = Arena.ofConfined();
        DiskActivations store = DiskActivations.open(new OffloadSpec(made, 0), 0)) {
      store.push(arena.allocate(1 << 16).address(), 1 << 16);
      try (Stream<Path> files = Files.list(made)) {
        assertEquals(List.of(), files.toList());
      }
    }
  }

  @Test
  void tooLittleRoomIsSaidBeforeTheFirstByte() {
    OffloadException e =
        assertThrows(
            OffloadException.class,
            () -> DiskActivations.open(new OffloadSpec(folder, Long.MAX_VALUE), 2).close());
    assertTrue(e.getMessage().contains("rank 2"), e.getMessage());
    assertTrue(e.getMessage().contains(folder.toString()), e.getMessage());
    assertTrue(e.getMessage().contains("train.offload-folder"), e.getMessage());
  }

  @Test
  @EnabledOnOs(OS.LINUX) // /dev/full acts as a full disk
  void aDiskThatFillsUpIsNamed() throws IOException {
    FileChannel full = FileChannel.open(Path.of("/dev/full"), StandardOpenOption.WRITE);
    try (Arena arena = Arena.ofConfined();
        DiskActivations store = new DiskActivations(folder, 3, full)) {
      MemorySegment memory = arena.allocate(4096);
      OffloadException e =
          assertThrows(OffloadException.class, () -> store.push(memory.address(), 4096));
      assertTrue(e.getMessage().contains("rank 3 cannot write 4,096 bytes"), e.getMessage());
      assertTrue(e.getMessage().contains("No space left"), e.getMessage());
      assertTrue(e.getMessage().contains("train.offload-folder"), e.getMessage());
    }
  }
}
