package dev.gyre.deploy;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** The name of this machine's processor. */
final class Cpu {
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  private Cpu() {}

  /** As Linux names it, or else the architecture; with the cores this process may use. */
  static String model() {
    String name = System.getProperty("os.arch");
    try {
      if (Files.isReadable(CPU_INFO)) {
        name = named(Files.readString(CPU_INFO, StandardCharsets.UTF_8), name);
      }
    } catch (IOException e) {
      // The architecture will do: the name is for people only.
    }
    return name + ", " + Runtime.getRuntime().availableProcessors() + " cores";
  }

  static String named(String cpuInfo, String fallback) {
    for (String line : cpuInfo.lines().toList()) {
      int colon = line.indexOf(':');
      if (line.startsWith("model name") && colon > 0) {
        return line.substring(colon + 1).strip();
      }
    }
    return fallback;
  }
}
