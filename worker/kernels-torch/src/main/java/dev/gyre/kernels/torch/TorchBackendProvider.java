package dev.gyre.kernels.torch;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import java.util.Set;

/** Opens libtorch, if its native library is on the class path and can be loaded. */
public final class TorchBackendProvider implements BackendProvider {
  static final String NAME = "torch";

  @Override
  public String name() {
    return NAME;
  }

  /**
   * Higher than the scalar backend only: on a CPU the other backends are faster, and a GPU job
   * names this backend.
   */
  @Override
  public int preference() {
    return -1;
  }

  @Override
  public BackendProbe probe() {
    return probe(Device.CPU);
  }

  @Override
  public BackendProbe probe(Device device) {
    try {
      LibTorch library = LibTorch.load();
      String reason = library.whyNot(device);
      if (!reason.isEmpty()) {
        return new BackendProbe.Unavailable(reason);
      }
      return new BackendProbe.Available(
          Set.of(DType.F32, DType.BF16),
          library.nativeDtypes(device),
          device.isCpu() ? "CPU" : device.toString(),
          library.instructionSet(device),
          library.version());
    } catch (TorchException e) {
      return new BackendProbe.Unavailable(String.valueOf(e.getMessage()));
    }
  }

  @Override
  public Backend open(int threads) {
    return open(threads, Device.CPU);
  }

  @Override
  public Backend open(int threads, Device device) {
    if (threads < 1) {
      throw new IllegalArgumentException("threads must be at least 1, got " + threads);
    }
    if (probe(device) instanceof BackendProbe.Unavailable(String reason)) {
      throw new IllegalStateException(reason);
    }
    return TorchBackend.open(LibTorch.load(), threads, device);
  }
}
