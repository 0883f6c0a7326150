package dev.gyre.deploy.launch;

import dev.gyre.comms.linux.ProcessImage;
import dev.gyre.kernels.Device;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A command needs an optional part of Gyre, which is large and therefore built and downloaded only
 * on request, or a JVM with another compiler. It is thrown before the command has any effect:
 * {@link #startAgain} restarts the command in a JVM that has the part.
 */
public final class MissingPartException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final String TORCH = "torch";
  private static final String GPU = "gpu";

  /** JMH and the benchmarks of kernels. */
  public static final String BENCH = "bench";

  /** The JIT compiler of long commands. The launcher script gives the short ones C1 alone. */
  private static final String C2 = "C2";

  private static final String WITHOUT_C2 = "emulated-client";

  private final transient Distribution distribution;
  private final String part;

  private MissingPartException(Distribution distribution, String part) {
    super("part " + part + " of Gyre is not here");
    this.distribution = distribution;
    this.part = part;
  }

  /**
   * Does nothing if the backend needs no part, or this process has it, or there is no launcher
   * script that could add it. In the last case the backend reports why it is unavailable.
   *
   * @param backend by name, or {@code auto}
   * @param device device of the backend: a GPU needs another build of libtorch
   * @throws MissingPartException if the backend's part must be added
   */
  public static void requireBackend(String backend, Device device) {
    if (backend.equals(TORCH)) {
      Distribution.current().ifPresent(here -> require(here, device.isCpu() ? TORCH : GPU));
    }
  }

  /**
   * Requires the benchmarks, as {@link #requireBackend} requires a backend.
   *
   * @throws MissingPartException if the benchmarks must be added
   */
  public static void requireBenchmarks() {
    Distribution.current().ifPresent(here -> require(here, BENCH));
  }

  /**
   * Requires the compiler with which kernels are measured, as {@link #requireBackend} requires a
   * backend.
   *
   * @throws MissingPartException if this process compiles with C1 alone
   */
  public static void requireC2() {
    if (System.getProperty("java.vm.info", "").contains(WITHOUT_C2)) {
      Distribution.current()
          .ifPresent(
              here -> {
                throw new MissingPartException(here, C2);
              });
    }
  }

  private static void require(Distribution here, String part) {
    boolean contained = part.equals(TORCH) && here.parts().contains(GPU);
    if (!contained && !here.parts().contains(part)) {
      throw new MissingPartException(here, part);
    }
  }

  /**
   * Replaces this process (exec) by the launcher script, which adds the part and restarts the
   * command. The process id stays. Returns only by an exception.
   *
   * @param arguments of the command
   */
  public void startAgain(List<String> arguments) throws IOException {
    List<String> line = new ArrayList<>();
    if (part.equals(C2)) {
      line.addAll(List.of("/usr/bin/env", "GYRE_COMPILER=c2"));
    }
    line.addAll(List.of("/bin/sh", distribution.launcher().toString()));
    for (String wanted : parts()) {
      line.addAll(List.of("--with", wanted));
    }
    line.addAll(arguments);
    ProcessImage.replace(line);
  }

  /** The parts of this process and the missing one, with only one of libtorch's two builds. */
  List<String> parts() {
    List<String> all = new ArrayList<>(distribution.parts());
    if (part.equals(GPU)) {
      all.remove(TORCH);
    }
    if (!part.equals(C2)) {
      all.add(part);
    }
    return all;
  }
}
