package dev.gyre.kernels.vector;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import java.util.Set;

/** Opens the pure-Java SIMD backend; available if the JVM has the Vector API. */
public final class VectorBackendProvider implements BackendProvider {
  static final String NAME = "vector";

  @Override
  public String name() {
    return NAME;
  }

  /** Higher than the scalar backend, lower than backends with native libraries. */
  @Override
  public int preference() {
    return 0;
  }

  @Override
  public BackendProbe probe() {
    String whyNot = VectorModule.load();
    if (!whyNot.isEmpty()) {
      return new BackendProbe.Unavailable(whyNot);
    }
    // Classes that link to the module must not be loaded before this point.
    return new BackendProbe.Available(
        Set.of(DType.F32, DType.BF16),
        Set.of(DType.F32),
        "CPU",
        instructionSet(),
        "jdk.incubator.vector of Java " + Runtime.version());
  }

  /**
   * Matrix products, attention and long runs of rows are split over the threads; results have the
   * same bits for every number of them.
   */
  @Override
  public Backend open(int threads) {
    if (probe() instanceof BackendProbe.Unavailable(String reason)) {
      throw new IllegalStateException(reason);
    }
    KernelThreads workers = new KernelThreads(threads);
    Products[] products = new Products[threads];
    for (int i = 0; i < threads; i++) {
      products[i] = new Gemm();
    }
    return new HostBackend(NAME, workers, products);
  }

  /** The JVM's preferred vectors, for example {@code amd64 512-bit vectors}. */
  private static String instructionSet() {
    return System.getProperty("os.arch") + " " + Simd.F.vectorBitSize() + "-bit vectors";
  }
}
