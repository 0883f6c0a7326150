package dev.gyre.kernels.onednn;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.onednn.binding.MicroKernels;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.onednn.binding.OneDnnException;
import dev.gyre.kernels.vector.HostBackend;
import dev.gyre.kernels.vector.KernelThreads;
import dev.gyre.kernels.vector.Products;
import dev.gyre.kernels.vector.VectorBackendProvider;
import java.util.Set;

/**
 * Finds and opens oneDNN, the preferred backend on CPUs. The first probe unpacks the library into
 * the user's cache folder.
 */
public final class OneDnnBackendProvider implements BackendProvider {
  static final String NAME = "onednn";

  /** Its kernels compute everything that is not a matrix product. */
  private final VectorBackendProvider vector = new VectorBackendProvider();

  @Override
  public String name() {
    return NAME;
  }

  /** Higher than every other CPU backend, lower than a GPU backend. */
  @Override
  public int preference() {
    return 100;
  }

  @Override
  public BackendProbe probe() {
    if (vector.probe() instanceof BackendProbe.Unavailable without) {
      return without;
    }
    try (OneDnn oneDnn = OneDnn.open()) {
      CpuFeatures cpu = CpuFeatures.detect(oneDnn);
      return new BackendProbe.Available(
          cpu.bf16() ? Set.of(DType.F32, DType.BF16) : Set.of(DType.F32),
          cpu.nativeBf16() ? Set.of(DType.F32, DType.BF16) : Set.of(DType.F32),
          "CPU",
          cpu.instructionSet(),
          "oneDNN " + OneDnn.VERSION + microKernels(oneDnn));
    } catch (OneDnnException e) {
      return new BackendProbe.Unavailable(String.valueOf(e.getMessage()));
    }
  }

  private static String microKernels(OneDnn oneDnn) {
    return switch (MicroKernels.open(oneDnn)) {
      case MicroKernels.Opened.Working(MicroKernels kernels) -> {
        kernels.close();
        yield " with micro-kernels";
      }
      case MicroKernels.Opened.Refused(String reason) -> " without micro-kernels: " + reason;
    };
  }

  /**
   * Matrix products, attention and long runs of rows are split over the threads. All but the linear
   * kernels have the same bits for every number of them; oneDNN chooses its kernels by shape, so
   * the bits of the linear kernels may depend on the number of threads, as each computes a part.
   * For any one number they are fixed.
   */
  @Override
  public Backend open(int threads) {
    if (vector.probe() instanceof BackendProbe.Unavailable(String reason)) {
      throw new IllegalStateException(reason);
    }
    KernelThreads workers = new KernelThreads(threads);
    Products[] products = new Products[threads];
    int opened = 0;
    try {
      for (; opened < threads; opened++) {
        products[opened] = OneDnnProducts.open();
      }
      return new HostBackend(NAME, workers, products);
    } catch (OneDnnException e) {
      for (int i = 0; i < opened; i++) {
        products[i].close();
      }
      workers.close();
      throw new IllegalStateException("backend onednn: " + e.getMessage(), e);
    }
  }
}
