package dev.gyre.kernels.torch;

import dev.gyre.kernels.Device;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.pytorch.global.torch_cuda;

/** What only libtorch's CUDA build can answer; touched only where that build has found a GPU. */
final class Gpu {
  private Gpu() {}

  /** Compute capability times ten: 90 for 9.0. */
  static int capability(Device device) {
    cudaDeviceProp properties = torch_cuda.getDeviceProperties((byte) device.index());
    return 10 * properties.major() + properties.minor();
  }
}
