package dev.gyre.deploy.launch;

import dev.gyre.comms.linux.ProcessImage;
import dev.gyre.kernels.Device;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A command needs another JVM than this one: with an optional part of Gyre, which is large and
 * therefore built and downloaded only on request, or with the compiler of long commands. It is
 * thrown before the command has any effect: {@link #startAgain} restarts the command in such a JVM.
 */
public final class StartAgainException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final String TORCH = "torch";
  private static final String GPU = "gpu";

  /** JMH and the benchmarks of kernels. */
  public static final String BENCH = "bench";

  /** In {@code java.vm.info} of a JVM that compiles with C1 alone. */
  private static final String C1_ALONE = "emulated-client";

  /** The launcher script with its options, perhaps in another environment. */
  private final transient List<String> launcher;

  private StartAgainException(String need, List<String> launcher) {
    super("this command needs another JVM: with " + need);
    this.launcher = List.copyOf(launcher);
  }

  /**
   * Does nothing if the backend needs no part, or this process has it, or there is no launcher
   * script that could add it. In the last case the backend reports why it is unavailable.
   *
   * @param backend by name, or {@code auto}
   * @param device device of the backend: a GPU needs another build of libtorch
   * @throws StartAgainException if the backend's part must be added
   */
  public static void requireBackend(String backend, Device device) {
    if (backend.equals(TORCH)) {
      Distribution.current().ifPresent(here -> require(here, device.isCpu() ? TORCH : GPU));
    }
  }

  /**
   * Requires the benchmarks, as {@link #requireBackend} requires a backend.
   *
   * @throws StartAgainException if the benchmarks must be added
   */
  public static void requireBenchmarks() {
    Distribution.current().ifPresent(here -> require(here, BENCH));
  }

  /**
   * Requires the compiler that training uses, as {@link #requireBackend} requires a backend:
   * without it kernels have other rates.
   *
   * @throws StartAgainException if this process compiles with C1 alone
   */
  public static void requireC2() {
    Distribution.current()
        .ifPresent(here -> requireC2(here, System.getProperty("java.vm.info", "")));
  }

  static void requireC2(Distribution here, String jvm) {
    if (jvm.contains(C1_ALONE)) {
      List<String> line = new ArrayList<>(List.of("/usr/bin/env", "GYRE_COMPILER=c2"));
      line.addAll(launcher(here, here.parts()));
      throw new StartAgainException("C2", line);
    }
  }

  /** Only one of libtorch's two builds can be loaded. */
  static void require(Distribution here, String part) {
    List<String> parts = new ArrayList<>(here.parts());
    if (parts.contains(part) || (part.equals(TORCH) && parts.contains(GPU))) {
      return;
    }
    if (part.equals(GPU)) {
      parts.remove(TORCH);
    }
    parts.add(part);
    throw new StartAgainException("part " + part, launcher(here, parts));
  }

  private static List<String> launcher(Distribution here, List<String> parts) {
    List<String> line = new ArrayList<>(List.of("/bin/sh", here.launcher().toString()));
    for (String part : parts) {
      line.addAll(List.of("--with", part));
    }
    return line;
  }

  /**
   * Replaces this process (exec) by the launcher script, which restarts the command. The process id
   * stays. Returns only by an exception.
   *
   * @param arguments of the command
   */
  public void startAgain(List<String> arguments) throws IOException {
    ProcessImage.replace(line(arguments));
  }

  List<String> line(List<String> arguments) {
    List<String> line = new ArrayList<>(launcher);
    line.addAll(arguments);
    return line;
  }
}
