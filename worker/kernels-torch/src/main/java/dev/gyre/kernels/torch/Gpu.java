package dev.gyre.kernels.torch;

import dev.gyre.kernels.Device;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.pytorch.global.torch_cuda;

/**
 * Calls that only libtorch's CUDA build has. The class must only be loaded if that build has found
 * a GPU.
 */
final class Gpu {
  private Gpu() {}

  /** Compute capability times ten: 90 for 9.0. */
  static int capability(Device device) {
    cudaDeviceProp properties = torch_cuda.getDeviceProperties((byte) device.index());
    return 10 * properties.major() + properties.minor();
  }

  /**
   * @throws TorchException naming the failed operation and CUDA's error message
   */
  static void check(int error, String what) {
    if (error != cudart.cudaSuccess) {
      try (BytePointer words = cudart.cudaGetErrorString(error)) {
        throw new TorchException(what + ": " + words.getString(), null);
      }
    }
  }
}
