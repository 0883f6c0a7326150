package dev.gyre.deploy.doctor;

import dev.gyre.comms.aeron.SharedFolder;
import dev.gyre.comms.memory.SharedMemory;
import dev.gyre.trainer.calibration.Machine;
import dev.gyre.trainer.worker.HostLimits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Properties of this machine, or of its container.
 *
 * @param javaFeature feature release of the Java runtime
 * @param java its version
 * @param compiler whether it is a JDK, which building Gyre needs
 * @param sharedMemoryBytes free in /dev/shm; 0 where there is none
 * @param openFiles most files a process may have open; −1 if unknown
 * @param lockedBytes most memory a process may lock; −1 if unknown or unlimited
 * @param hugePages the kernel's choice for anonymous memory; empty if unknown
 * @param openMp environment variables that configure OpenMP
 * @param leftovers folders in /dev/shm of runs whose launcher has ended
 */
public record SystemFacts(
    int javaFeature,
    String java,
    boolean compiler,
    String processor,
    int cores,
    long memoryBytes,
    long sharedMemoryBytes,
    long openFiles,
    long lockedBytes,
    String hugePages,
    Map<String, String> openMp,
    List<Path> leftovers) {
  private static final Path LIMITS = Path.of("/proc/self/limits");
  private static final Path HUGE_PAGES = Path.of("/sys/kernel/mm/transparent_hugepage/enabled");
  private static final Pattern CHOSEN = Pattern.compile("\\[(\\w+)]");

  public SystemFacts {
    openMp = Map.copyOf(openMp);
    leftovers = List.copyOf(leftovers);
  }

  public static SystemFacts read() {
    String limits = text(LIMITS);
    Matcher hugePages = CHOSEN.matcher(text(HUGE_PAGES));
    TreeMap<String, String> openMp = new TreeMap<>(System.getenv());
    openMp.keySet().removeIf(name -> !name.matches("(OMP|GOMP|KMP)_.*"));
    return new SystemFacts(
        Runtime.version().feature(),
        Runtime.version().toString(),
        Files.isExecutable(Path.of(System.getProperty("java.home"), "bin", "javac")),
        Machine.processorName(),
        Runtime.getRuntime().availableProcessors(),
        HostLimits.memoryBytes(),
        SharedMemory.usableBytes(),
        limit(limits, "Max open files"),
        limit(limits, "Max locked memory"),
        hugePages.find() ? hugePages.group(1) : "",
        openMp,
        Files.isDirectory(SharedMemory.FOLDER)
            ? SharedFolder.abandoned(SharedMemory.FOLDER)
            : List.of());
  }

  /**
   * A soft limit.
   *
   * @param limits the text of /proc/self/limits
   * @return −1 if unlimited or missing
   */
  static long limit(String limits, String name) {
    Matcher soft =
        Pattern.compile("^" + Pattern.quote(name) + " +(\\d+)", Pattern.MULTILINE).matcher(limits);
    return soft.find() ? Long.parseLong(soft.group(1)) : -1;
  }

  /** The text of a file; empty if there is no such file. */
  private static String text(Path file) {
    try {
      return Files.isReadable(file) ? Files.readString(file) : "";
    } catch (IOException e) {
      return "";
    }
  }
}
