package dev.gyre.kernels.torch;

import dev.gyre.kernels.Device;
import org.bytedeco.cuda.cudart.cudaDeviceProp;
import org.bytedeco.cuda.global.cudart;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.pytorch.global.torch_cuda;

/** What only libtorch's CUDA build can do; touched only where that build has found a GPU. */
final class Gpu {
  private Gpu() {}

  /** Compute capability times ten: 90 for 9.0. */
  static int capability(Device device) {
    cudaDeviceProp properties = torch_cuda.getDeviceProperties((byte) device.index());
    return 10 * properties.major() + properties.minor();
  }

  /**
   * Zeroed memory that the device and the host reach at one address; the caller frees it.
   *
   * @throws TorchException naming the bytes, if there are not as many
   */
  static Pointer managedMemory(Device device, long bytes) {
    String what = "%d bytes of managed memory on %s".formatted(bytes, device);
    // libtorch takes the memory for that of the device that is current here.
    check(cudart.cudaSetDevice(device.index()), what);
    try (PointerPointer<Pointer> at = new PointerPointer<>(1)) {
      check(cudart.cudaMallocManaged(at, Math.max(1, bytes), cudart.cudaMemAttachGlobal), what);
      Pointer memory = at.get();
      check(cudart.cudaMemset(memory, 0, Math.max(1, bytes)), what);
      return memory;
    }
  }

  static void free(Pointer memory) {
    check(cudart.cudaFree(memory), "freeing managed memory");
  }

  private static void check(int error, String what) {
    if (error != cudart.cudaSuccess) {
      try (BytePointer words = cudart.cudaGetErrorString(error)) {
        throw new TorchException(what + ": " + words.getString(), null);
      }
    }
  }
}
