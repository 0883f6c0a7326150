package dev.gyre.trainer.worker;

import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/** What this machine, or its container, lets a process use. */
public final class HostLimits {
  private static final Path SHARED_MEMORY = Path.of("/dev/shm");

  private HostLimits() {}

  /** Memory of the machine or of the container's limit. */
  public static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }

  /** Free room in /dev/shm; 0 where there is none. */
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
