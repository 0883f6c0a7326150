package dev.gyre.comms.memory;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** The host's memory file system. Processes share memory through its files. */
public final class SharedMemory {
  /** Exists on Linux; other systems may not have it. */
  public static final Path FOLDER = Path.of("/dev/shm");

  private SharedMemory() {}

  /** {@link #FOLDER} if files can be created in it, else the other folder. */
  public static Path folderOr(Path other) {
    return Files.isDirectory(FOLDER) && Files.isWritable(FOLDER) ? FOLDER : other;
  }

  /** Free bytes in {@link #FOLDER}; 0 if it does not exist or the system does not tell. */
  public static long usableBytes() {
    try {
      return Files.isDirectory(FOLDER) ? Files.getFileStore(FOLDER).getUsableSpace() : 0;
    } catch (IOException e) {
      return 0;
    }
  }
}
