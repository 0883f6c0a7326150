package dev.gyre.trainer.worker;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/** Memory limits of this machine or its container. */
public final class HostLimits {
  private HostLimits() {}

  /** Memory of the machine or of the container's limit. */
  public static long memoryBytes() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getTotalMemorySize();
  }
}
