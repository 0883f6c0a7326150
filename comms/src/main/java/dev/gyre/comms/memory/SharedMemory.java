package dev.gyre.comms.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host's memory file system, in whose files processes share memory. */
public final class SharedMemory {
  /** Linux has it; other systems need not. */
  public static final Path FOLDER = Path.of("/dev/shm");

  private SharedMemory() {}

  /** {@link #FOLDER} if files can be made in it, else the other. */
  public static Path folderOr(Path other) {
    return Files.isDirectory(FOLDER) && Files.isWritable(FOLDER) ? FOLDER : other;
  }

  /** Free bytes in {@link #FOLDER}; 0 if it does not exist or cannot be asked. */
  public static long usableBytes() {
    try {
      return Files.isDirectory(FOLDER) ? Files.getFileStore(FOLDER).getUsableSpace() : 0;
    } catch (IOException e) {
      return 0;
    }
  }
}
