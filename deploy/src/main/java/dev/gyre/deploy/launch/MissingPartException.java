package dev.gyre.deploy.launch;

import dev.gyre.comms.linux.ProcessImage;
import dev.gyre.kernels.Device;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/**
 * A command needs a part of Gyre that is large and seldom used, and so is built, and downloaded, on
 * request only. Thrown before the command has done anything: {@link #startAgain} runs it from the
 * beginning in a JVM that has the part.
 */
public final class MissingPartException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final String TORCH = "torch";
  private static final String GPU = "gpu";

  /** JMH and the benchmarks of kernels. */
  public static final String BENCH = "bench";

  private final transient Distribution distribution;
  private final String part;

  private MissingPartException(Distribution distribution, String part) {
    super("part " + part + " of Gyre is not here");
    this.distribution = distribution;
    this.part = part;
  }

  /**
   * Does nothing where the backend needs no part, this process has it, or no launcher script could
   * bring it: then the backend says itself why it is unavailable.
   *
   * @param backend by name, or {@code auto}
   * @param device where it computes: a GPU needs another build of libtorch
   * @throws MissingPartException if the backend's part is to be brought
   */
  public static void requireBackend(String backend, Device device) {
    if (backend.equals(TORCH)) {
      Distribution.current().ifPresent(here -> require(here, device.isCpu() ? TORCH : GPU));
    }
  }

  /**
   * As for a backend.
   *
   * @throws MissingPartException if the benchmarks are to be brought
   */
  public static void requireBenchmarks() {
    Distribution.current().ifPresent(here -> require(here, BENCH));
  }

  private static void require(Distribution here, String part) {
    boolean contained = part.equals(TORCH) && here.parts().contains(GPU);
    if (!contained && !here.parts().contains(part)) {
      throw new MissingPartException(here, part);
    }
  }

  /**
   * Becomes the launcher script, which brings the part and runs the command again: this process
   * keeps its id. Returns only by an exception.
   *
   * @param arguments of the command
   */
  public void startAgain(List<String> arguments) throws IOException {
    List<String> line = new ArrayList<>(List.of("/bin/sh", distribution.launcher().toString()));
    for (String wanted : parts()) {
      line.addAll(List.of("--with", wanted));
    }
    line.addAll(arguments);
    ProcessImage.replace(line);
  }

  /** Those this process has, and the missing one; of libtorch's two builds only one. */
  List<String> parts() {
    List<String> all = new ArrayList<>(distribution.parts());
    if (part.equals(GPU)) {
      all.remove(TORCH);
    }
    all.add(part);
    return all;
  }
}
