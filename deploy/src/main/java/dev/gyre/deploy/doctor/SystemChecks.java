package dev.gyre.deploy.doctor;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.console.Units;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;

/** Judges {@link SystemFacts}. */
public final class SystemChecks {
  private static final int JAVA = 25;

  /**
   * Enough for two workers with their heaps and a small model; below it, the minimum for the
   * smallest job.
   */
  private static final long GOOD_MEMORY = 4L << 30;

  private static final long LEAST_MEMORY = 1L << 30;

  /** The quickstart's two workers use 268 MB each there; the media driver alone needs 20 MiB. */
  private static final long GOOD_SHARED_MEMORY = 1L << 30;

  private static final long LEAST_SHARED_MEMORY = 20L << 20;

  /**
   * Enough for jars, logs and shared memory of several workers; the JVM alone opens some hundred
   * files.
   */
  private static final long GOOD_FILES = 4096;

  private static final long LEAST_FILES = 512;

  private static final List<String> BINDING =
      List.of("OMP_PROC_BIND", "OMP_PLACES", "GOMP_CPU_AFFINITY", "KMP_AFFINITY");
  private static final List<String> SPINNING = List.of("GOMP_SPINCOUNT", "KMP_BLOCKTIME");

  private SystemChecks() {}

  public static List<Finding> of(SystemFacts facts) {
    List<Finding> findings = new ArrayList<>();
    findings.add(java(facts));
    findings.add(cores(facts));
    findings.add(memory(facts));
    findings.add(sharedMemory(facts));
    findings.add(leftovers(facts));
    findings.add(openFiles(facts));
    findings.add(lockedMemory(facts));
    findings.add(hugePages(facts));
    findings.add(openMp(facts));
    return findings;
  }

  private static Finding java(SystemFacts f) {
    if (f.javaFeature() != JAVA) {
      return Finding.broken(
          "jdk", f.java(), "Gyre needs a JDK 25: set JAVA_HOME to one", ExitCode.BAD_JOB);
    }
    return f.compiler()
        ? Finding.ok("jdk", f.java())
        : Finding.couldBeBetter(
            "jdk", f.java() + ", without a compiler", "building Gyre needs a JDK, not a JRE");
  }

  private static Finding cores(SystemFacts f) {
    String value = f.cores() + " of " + f.processor();
    return f.cores() > 1
        ? Finding.ok("cores", value)
        : Finding.couldBeBetter(
            "cores", value, "workers would share the one core; give the container more");
  }

  private static Finding memory(SystemFacts f) {
    String value = Units.bytes(f.memoryBytes());
    if (f.memoryBytes() < LEAST_MEMORY) {
      return Finding.broken(
          "memory", value, "a worker's JVM alone needs half of a gigabyte", ExitCode.TRY_AGAIN);
    }
    return f.memoryBytes() < GOOD_MEMORY
        ? Finding.couldBeBetter(
            "memory", value, "small models only; ./gyre plan JOB.yaml says what a job needs")
        : Finding.ok("memory", value);
  }

  private static Finding sharedMemory(SystemFacts f) {
    String free = Units.bytes(f.sharedMemoryBytes()) + " free";
    String grow =
        "docker run --shm-size=8g; mount -o remount,size=8g /dev/shm; or, in a pod, an emptyDir"
            + " with medium: Memory";
    if (f.sharedMemoryBytes() == 0) {
      return Finding.couldBeBetter(
          "/dev/shm", "none", "workers of one machine exchange tensors through files; " + grow);
    }
    if (f.sharedMemoryBytes() < LEAST_SHARED_MEMORY) {
      return Finding.broken(
          "/dev/shm", free, "a run needs at least 20 MiB there: " + grow, ExitCode.TRY_AGAIN);
    }
    if (f.sharedMemoryBytes() < GOOD_SHARED_MEMORY) {
      return Finding.couldBeBetter(
          "/dev/shm", free + ": tensors of small jobs; larger ones are copied through a log", grow);
    }
    return Finding.ok("/dev/shm", free + ": workers' tensors of that size, all together");
  }

  private static Finding leftovers(SystemFacts f) {
    return f.leftovers().isEmpty()
        ? Finding.ok("leftovers", "none in /dev/shm")
        : Finding.couldBeBetter(
            "leftovers",
            f.leftovers().size() + " folders of killed runs in /dev/shm",
            "the next run removes them, or: rm -r " + f.leftovers().getFirst());
  }

  private static Finding openFiles(SystemFacts f) {
    if (f.openFiles() < 0) {
      return Finding.ok("open files", "no limit known");
    }
    String value = Long.toString(f.openFiles());
    if (f.openFiles() < LEAST_FILES) {
      return Finding.broken(
          "open files", value, "a worker needs some hundreds: ulimit -n 4096", ExitCode.BAD_JOB);
    }
    return f.openFiles() < GOOD_FILES
        ? Finding.couldBeBetter("open files", value, "many workers need more: ulimit -n 4096")
        : Finding.ok("open files", value);
  }

  private static Finding lockedMemory(SystemFacts f) {
    String value = f.lockedBytes() < 0 ? "no limit" : Units.bytes(f.lockedBytes());
    return Finding.ok("memlock", value + "; CPU backends lock none");
  }

  private static Finding hugePages(SystemFacts f) {
    return f.hugePages().isEmpty() || f.hugePages().equals("always")
        ? Finding.ok("huge pages", f.hugePages().isEmpty() ? "not known" : f.hugePages())
        : Finding.couldBeBetter(
            "huge pages",
            f.hugePages(),
            "large tensors would fill 2 MB pages instead of 4 KB ones:"
                + " echo always | sudo tee /sys/kernel/mm/transparent_hugepage/enabled");
  }

  private static Finding openMp(SystemFacts f) {
    if (f.openMp().isEmpty()) {
      return Finding.ok("OpenMP", "no variables set; workers get theirs from the launcher");
    }
    TreeSet<String> harmful = new TreeSet<>(f.openMp().keySet());
    harmful.removeIf(name -> !BINDING.contains(name) && !SPINNING.contains(name));
    String value = String.join(", ", new TreeSet<>(f.openMp().keySet()));
    return harmful.isEmpty()
        ? Finding.ok("OpenMP", value + "; workers get their number of threads from the launcher")
        : Finding.couldBeBetter(
            "OpenMP",
            value,
            "unset "
                + String.join(" ", harmful)
                + ": several workers would be bound to one core, or spin against each other");
  }
}
