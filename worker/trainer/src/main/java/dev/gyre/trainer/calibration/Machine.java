package dev.gyre.trainer.calibration;

import dev.gyre.kernels.BackendProbe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Key of stored rates: everything that rates depend on.
 *
 * @param processor its name
 * @param cores that a process may use
 * @param jdk version of the Java runtime, and how it runs where that is not mixed mode
 * @param gyre version of the kernels
 * @param backend name
 * @param library what computes, with its version
 * @param instructionSet that it uses
 * @param dtype of the computation
 * @param threads of a kernel
 */
public record Machine(
    String processor,
    int cores,
    String jdk,
    String gyre,
    String backend,
    String library,
    String instructionSet,
    String dtype,
    int threads) {
  private static final String MIXED = "mixed mode";

  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  /** This machine and runtime, with a backend as it was probed. */
  public static Machine here(
      String gyre, String backend, BackendProbe.Available probe, String dtype, int threads) {
    return new Machine(
        processorName(),
        Runtime.getRuntime().availableProcessors(),
        jdk(System.getProperty("java.vm.info", MIXED)),
        gyre,
        backend,
        probe.library(),
        probe.instructionSet(),
        dtype,
        threads);
  }

  /** Rates of an interpreted-only JVM, for example, do not apply to a compiling one. */
  static String jdk(String mode) {
    return Runtime.version() + (mode.startsWith(MIXED) ? "" : " " + mode);
  }

  /** The processor as Linux names it, or else the architecture. */
  public static String processorName() {
    String architecture = System.getProperty("os.arch");
    try {
      return Files.isReadable(CPU_INFO)
          ? named(Files.readString(CPU_INFO, StandardCharsets.UTF_8), architecture)
          : architecture;
    } catch (IOException e) {
      // Only a part of the key, and for display: the architecture will do.
      return architecture;
    }
  }

  /**
   * @param cpuInfo the text of /proc/cpuinfo
   */
  static String named(String cpuInfo, String otherwise) {
    for (String line : cpuInfo.lines().toList()) {
      int colon = line.indexOf(':');
      if (line.startsWith("model name") && colon > 0) {
        return line.substring(colon + 1).strip();
      }
    }
    return otherwise;
  }
}
