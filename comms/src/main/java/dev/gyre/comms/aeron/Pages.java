package dev.gyre.comms.aeron;

import dev.gyre.comms.linux.PageFaults;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileChannel.MapMode;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Allocates the pages of mapped files before they are used. A file in shared memory grows by a page
 * at the first write to the page. If no page is free, a write to the mapping ends the process
 * (SIGBUS).
 */
final class Pages {
  private static final VarHandle INT = ValueLayout.JAVA_INT.varHandle();
  private static final long PAGE_BYTES = 4096;
  private static final int ZEROS_BYTES = 1 << 20;

  private Pages() {}

  /**
   * Allocates the pages of a new file before it is used.
   *
   * @param file of its final length, all zeros
   * @param memory its mapping
   * @throws IOException if the file system has too little room
   */
  static void makeAll(FileChannel file, MemorySegment memory) throws IOException {
    if (PageFaults.find().filter(faults -> faults.populate(memory)).isPresent()) {
      return;
    }
    // // The kernel is too old, or there is no room; writing tells which.
    ByteBuffer zeros = ByteBuffer.allocateDirect(ZEROS_BYTES);
    for (long at = 0; at < memory.byteSize(); ) {
      zeros.clear().limit((int) Math.min(ZEROS_BYTES, memory.byteSize() - at));
      at += file.write(zeros, at);
    }
  }

  /**
   * Allocates the pages of a file that others already write to, by adding 0 atomically to one word
   * of every page.
   */
  static void reserve(Path file) throws IOException {
    try (Arena arena = Arena.ofConfined();
        FileChannel channel =
            FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      long bytes = channel.size() & -Integer.BYTES;
      MemorySegment memory = channel.map(MapMode.READ_WRITE, 0, bytes, arena);
      for (long at = 0; at < bytes; at += PAGE_BYTES) {
        int _ = (int) INT.getAndAdd(memory, at, 0);
      }
    }
  }
}
