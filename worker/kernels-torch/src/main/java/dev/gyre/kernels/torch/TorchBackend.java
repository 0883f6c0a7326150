package dev.gyre.kernels.torch;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.CheckedKernels;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.MemorySegment;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.Context;
import org.bytedeco.pytorch.global.torch;

/** The given threads in the host's memory, or a GPU with {@link Mirrors} of it. */
final class TorchBackend implements Backend {
  private final Device device;
  private final CompilationUnit scripts;
  private final Residency residency;
  private final TorchCall.Wrapping wrapping;
  private final Kernels kernels;

  private TorchBackend(
      Device device, CompilationUnit scripts, Residency residency, TorchAttention.Flashes flashes) {
    this.device = device;
    this.scripts = scripts;
    this.residency = residency;
    this.wrapping =
        new TorchCall.Wrapping(new org.bytedeco.pytorch.Device(device.toString()), residency);
    Functions functions = new Functions(scripts);
    IndexChecks indices = new IndexChecks(residency);
    this.kernels =
        new CheckedKernels(
            new TorchMovement(functions, wrapping, indices),
            new TorchLinear(functions, wrapping),
            new TorchTokenwise(functions, wrapping),
            new TorchAttention(functions, wrapping, flashes),
            new TorchLightning(functions, wrapping),
            new TorchRouter(functions, wrapping, indices),
            new TorchLoss(functions, wrapping, indices));
  }

  static TorchBackend open(LibTorch library, int threads, Device device) {
    return device.isCpu()
        ? open(library, threads, device, new HostResidency(), TorchAttention.Flashes.ON_CPU)
        : open(
            library,
            threads,
            device,
            new Mirrors(new CudaLanes(device)),
            TorchAttention.Flashes.ON_GPU);
  }

  /**
   * @param residency becomes the backend's, which closes it
   */
  static TorchBackend open(
      LibTorch library,
      int threads,
      Device device,
      Residency residency,
      TorchAttention.Flashes flashes) {
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
    return new TorchBackend(device, library.compile(), residency, flashes);
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
  public Device device() {
    return device;
  }

  @Override
  public boolean compiledHere() {
    return false;
  }

  @Override
  public long memory(MemorySegment host) {
    return residency.memory(host);
  }

  @Override
  public void hostReads(Tensor t) {
    residency.hostReads(t);
  }

  @Override
  public void hostWrites(Tensor t) {
    residency.hostWrites(t);
  }

  @Override
  public void synchronize() {
    residency.synchronize();
  }

  @Override
  public void close() {
    synchronize();
    residency.close();
    wrapping.close();
    scripts.close();
  }
}
