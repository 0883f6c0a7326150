package dev.gyre.integration;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.KernelCall;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ServiceLoader;
import java.util.concurrent.TimeUnit;

/**
 * The vector backend with one kernel that takes 0.4 s a call, as if the compiler had not inlined
 * it. No service file of the tests names it: {@link SlowKernelTest} puts one on the class path of
 * the processes it starts. Each file in the folder that {@value #FOLDER} names makes one process
 * slow, which deletes the file.
 */
public final class SlowVectorProvider implements BackendProvider {
  static final String FOLDER = "GYRE_TEST_SLOW_PROCESSES";
  static final String KERNEL = "swiglu";

  /** A step with such a call is far over its plan. */
  private static final long SLOW_NANOS = TimeUnit.MILLISECONDS.toNanos(400);

  private final BackendProvider vector;

  /** For the service loader. */
  public SlowVectorProvider() {
    vector =
        ServiceLoader.load(BackendProvider.class).stream()
            .filter(found -> found.type() != SlowVectorProvider.class)
            .map(ServiceLoader.Provider::get)
            .filter(found -> found.name().equals("vector"))
            .findFirst()
            .orElseThrow();
  }

  @Override
  public String name() {
    return vector.name();
  }

  /** Preferred to the real provider, whose name it has. */
  @Override
  public int preference() {
    return vector.preference() + 1;
  }

  @Override
  public BackendProbe probe() {
    return vector.probe();
  }

  @Override
  public Backend open(int threads) {
    Backend backend = vector.open(threads);
    return thisProcessIsSlow() ? slow(backend) : backend;
  }

  private static boolean thisProcessIsSlow() {
    try (var left = Files.list(Path.of(System.getenv(FOLDER)))) {
      // Only one of several processes deletes the file.
      for (Path file : left.toList()) {
        if (Files.deleteIfExists(file)) {
          return true;
        }
      }
      return false;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Backend slow(Backend backend) {
    return backend.withKernels(
        KernelCall.receivedBy(
            call -> {
              long began = System.nanoTime();
              do {
                call.on(backend.kernels());
              } while (call.kernel().equals(KERNEL) && System.nanoTime() - began < SLOW_NANOS);
            }));
  }
}
