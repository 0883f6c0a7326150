package dev.gyre.kernels.torch;

import dev.gyre.kernels.Device;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.global.torch_cuda;

/** What only libtorch's CUDA build can say; touched only where that build has found a GPU. */
final class Gpu {
  private Gpu() {}

  /** Compute capability times ten: 90 for 9.0. */
  static int capability(Device device) {
    cudaDeviceProp properties = torch_cuda.getDeviceProperties((byte) device.index());
    return 10 * properties.major() + properties.minor();
  }

  /**
   * @throws TorchException with what failed and CUDA's words for it
   */
  static void check(int error, String what) {
    if (error != cudart.cudaSuccess) {
      try (BytePointer words = cudart.cudaGetErrorString(error)) {
        throw new TorchException(what + ": " + words.getString(), null);
      }
    }
  }
}
