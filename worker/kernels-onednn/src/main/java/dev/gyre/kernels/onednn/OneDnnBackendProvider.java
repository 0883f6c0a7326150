package dev.gyre.kernels.onednn;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.onednn.binding.OneDnn;
import dev.gyre.kernels.onednn.binding.OneDnnException;
import dev.gyre.kernels.vector.VectorBackendProvider;
import java.util.Set;

/**
 * Finds and opens oneDNN: the first choice on CPUs. Probing unpacks the library into the user's
 * cache the first time.
 */
public final class OneDnnBackendProvider implements BackendProvider {
  static final String NAME = "onednn";

  /** Computes all that is not a product of matrices. */
  private final BackendProvider vector = new VectorBackendProvider();

  @Override
  public String name() {
    return NAME;
  }

  /** Above every other CPU backend; a GPU's goes higher. */
  @Override
  public int preference() {
    return 100;
  }

  @Override
  public BackendProbe probe() {
    if (vector.probe() instanceof BackendProbe.Unavailable without) {
      return without;
    }
    try (OneDnn oneDnn = OneDnn.open(1)) {
      CpuFeatures cpu = CpuFeatures.detect(oneDnn);
      return new BackendProbe.Available(
          cpu.bf16() ? Set.of(DType.F32, DType.BF16) : Set.of(DType.F32),
          cpu.nativeBf16() ? Set.of(DType.F32, DType.BF16) : Set.of(DType.F32),
          "CPU",
          cpu.instructionSet(),
          "oneDNN " + OneDnn.VERSION);
    } catch (OneDnnException e) {
      return new BackendProbe.Unavailable(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Backend open(int threads) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, got " + threads);
    }
    Backend rest = vector.open(threads);
    try {
      OneDnn oneDnn = OneDnn.open(threads);
      return new OneDnnBackend(oneDnn, CpuFeatures.detect(oneDnn).tiles(), rest);
    } catch (OneDnnException e) {
      rest.close();
      throw new IllegalStateException("backend onednn: " + e.getMessage(), e);
    }
  }
}
