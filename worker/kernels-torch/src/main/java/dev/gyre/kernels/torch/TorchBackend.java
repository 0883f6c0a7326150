package dev.gyre.kernels.torch;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.global.torch;

/** Host memory and the given threads, or a GPU's managed memory and its current stream. */
final class TorchBackend implements Backend {
  private final Device device;
  private final CompilationUnit scripts;
  private final TorchCall.Wrapping wrapping;
  private final Kernels kernels;
  private final List<Pointer> managed = new ArrayList<>();

  private TorchBackend(
      Device device,
      CompilationUnit scripts,
      TorchCall.Wrapping wrapping,
      TorchAttention.Flashes flashes) {
    this.device = device;
    this.scripts = scripts;
    this.wrapping = wrapping;
    Functions functions = new Functions(scripts);
    TorchAttention attention = new TorchAttention(functions, wrapping, flashes);
    this.kernels = new TorchKernels(functions, wrapping, attention, this::synchronize);
  }

  static TorchBackend open(LibTorch library, int threads, Device device) {
    TorchAttention.Flashes flashes =
        device.isCpu() ? TorchAttention.Flashes.ON_CPU : TorchAttention.Flashes.ON_GPU;
    return open(library, threads, device, flashes);
  }

  static TorchBackend open(
      LibTorch library, int threads, Device device, TorchAttention.Flashes flashes) {
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
    return new TorchBackend(
        device,
        library.compile(),
        new TorchCall.Wrapping(new org.bytedeco.pytorch.Device(device.toString())),
        flashes);
  }

  @Override
  public String name() {
    return TorchBackendProvider.NAME;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  /** A GPU's memory here is CUDA's managed one: pages move to who touches them. */
  @Override
  public boolean hostMemory() {
    return true;
  }

  @Override
  public long memory(MemorySegment host) {
    if (device.isCpu()) {
      return host.address();
    }
    Pointer memory = Gpu.managedMemory(device, host.byteSize());
    managed.add(memory);
    return memory.address();
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
    managed.forEach(Gpu::free);
    managed.clear();
    wrapping.close();
    scripts.close();
  }
}
