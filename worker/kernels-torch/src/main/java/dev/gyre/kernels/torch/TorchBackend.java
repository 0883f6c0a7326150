package dev.gyre.kernels.torch;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/** Host memory and the given threads, or a GPU's memory and its current stream. */
final class TorchBackend implements Backend {
  private final Device device;
  private final CompilationUnit scripts;
  private final TorchCall.Wrapping wrapping;
  private final Kernels kernels;
  private final List<org.bytedeco.pytorch.Tensor> deviceMemory = new ArrayList<>();

  private TorchBackend(Device device, CompilationUnit scripts, TorchCall.Wrapping wrapping) {
    this.device = device;
    this.scripts = scripts;
    this.wrapping = wrapping;
    this.kernels = new TorchKernels(new Functions(scripts), wrapping, device.isCpu());
  }

  static TorchBackend open(LibTorch library, int threads, Device device) {
    library.useThreads(threads);
    Context context = torch.globalContext();
    // Fixed summation order. Where libtorch has none it warns and goes on; of what is called here
    // that is nothing.
    context.setDeterministicAlgorithms(true, true);
    // With the line above every empty tensor would first be filled, which no caller here sees.
    context.setDeterministicFillUninitializedMemory(false);
    // Products of bfloat16 add up in float32, whole sums of them, and float32 stays float32.
    context.setAllowBF16ReductionCuBLAS(false);
    context.setAllowTF32CuBLAS(false);
    return new TorchBackend(device, library.compile(), new TorchCall.Wrapping(native_(device)));
  }

  private static org.bytedeco.pytorch.Device native_(Device device) {
    return new org.bytedeco.pytorch.Device(device.toString());
  }

  @Override
  public String name() {
    return TorchBackendProvider.NAME;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public boolean hostMemory() {
    return device.isCpu();
  }

  @Override
  public long memory(MemorySegment host) {
    if (device.isCpu()) {
      return host.address();
    }
    try (PointerScope _ = new PointerScope();
        org.bytedeco.pytorch.Device where = native_(device)) {
      org.bytedeco.pytorch.Tensor bytes =
          torch.empty(
              new long[] {host.byteSize()},
              new TensorOptions(where)
                  .dtype(new org.bytedeco.pytorch.ScalarTypeOptional(torch.ScalarType.Byte)),
              new org.bytedeco.pytorch.MemoryFormatOptional());
      deviceMemory.add(bytes.retainReference());
      return bytes.data_ptr().address();
    }
  }

  @Override
  public void synchronize() {
    if (!device.isCpu()) {
      torch.cuda_synchronize(device.index());
    }
  }

  @Override
  public void close() {
    synchronize();
    deviceMemory.forEach(org.bytedeco.pytorch.Tensor::close);
    deviceMemory.clear();
    wrapping.close();
    scripts.close();
  }
}
