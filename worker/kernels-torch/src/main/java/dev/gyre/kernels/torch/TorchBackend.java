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

/** libtorch on the CPU with the given threads, or on a GPU with {@link Mirrors} of its memory. */
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
   * @param residency owned and closed by the backend
   */
  static TorchBackend open(
      LibTorch library,
      int threads,
      Device device,
      Residency residency,
      TorchAttention.Flashes flashes) {
    library.useThreads(threads);
    Context context = torch.globalContext();
    // Fixed summation order. For operators without one libtorch only warns, but none of them is
    // called here.
    context.setDeterministicAlgorithms(true, true);
    // The deterministic mode fills new tensors, which is not needed: kernels write every element.
    context.setDeterministicFillUninitializedMemory(false);
    // bfloat16 products accumulate in float32, without reduced-precision reductions, and float32
    // products do not use TF32.
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
