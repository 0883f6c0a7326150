package dev.gyre.trainer.worker;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** Memory limits of this machine or its container. */
public final class HostLimits {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  private HostLimits() {}

  /** Memory of the machine or of the container's limit. */
  public static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  /** Free bytes in /dev/shm; 0 if it does not exist. */
  public static long sharedMemoryBytes() {
    try {
      return Files.isDirectory(SHARED_MEMORY)
          ? Files.getFileStore(SHARED_MEMORY).getUsableSpace()
          : 0;
    } catch (IOException e) {
      return 0;
    }
  }
}
