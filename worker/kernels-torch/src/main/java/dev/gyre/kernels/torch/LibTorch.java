package dev.gyre.kernels.torch;

import dev.gyre.kernels.CacheFolder;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Device;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.pytorch.CompilationUnit;
import org.bytedeco.pytorch.global.torch;

/**
 * The native library, loaded once per process, and what it supports on this machine.
 *
 * <p>JavaCPP unpacks it into {@code native} in the user's {@link CacheFolder}, which takes 400 MB
 * there.
 */
final class LibTorch {
  private static final String[] SCRIPTS = {
    "movement.py", "linear.py", "rows.py", "attention.py", "lightning.py", "router.py", "loss.py"
  };

  private LibTorch() {}

  /**
   * Loads the library; later calls are cheap.
   *
   * @throws TorchException in one line: no build for this platform, no space, not loadable
   */
  static synchronized LibTorch load() {
    // JavaCPP reads these properties when its first class is loaded. This package frees every
    // native object explicitly, so it needs neither JavaCPP's garbage collector thread nor its
    // memory limit, which would not count tensors anyway.
    setUnlessSet("org.bytedeco.javacpp.nopointergc", "true");
    setUnlessSet("org.bytedeco.javacpp.maxphysicalbytes", "0");
    // Sends JavaCPP's warning to SLF4J, which drops it: the newest openblas artifact has the
    // version number of an earlier JavaCPP release.
    setUnlessSet("org.bytedeco.javacpp.logger", "slf4j");
    Path folder = CacheFolder.ofUser().resolve("native");
    setUnlessSet("org.bytedeco.javacpp.cachedir", folder.resolve("javacpp").toString());
    try (UnpackLock _ = UnpackLock.in(folder)) {
      Loader.load(torch.class);
      return new LibTorch();
    } catch (LinkageError | RuntimeException e) {
      String why = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      throw new TorchException(
          "libtorch cannot be loaded on %s: %s".formatted(Loader.getPlatform(), why), e);
    }
  }

  private static void setUnlessSet(String property, String value) {
    if (System.getProperty(property) == null) {
      System.setProperty(property, value);
    }
  }

  /** Why a device cannot be used; empty if it can. */
  String whyNot(Device device) {
    if (device.isCpu()) {
      return "";
    }
    if (!torch.hasCUDA()) {
      return device
          + " needs libtorch with CUDA, and this is the CPU build. ./gyre downloads the CUDA build for"
          + " device: cuda:N if Maven Central has one (linux-x86_64)";
    }
    int gpus = torch.cuda_device_count();
    if (gpus == 0) {
      return "no GPU: libtorch finds no CUDA device or driver on this machine";
    }
    if (device.index() >= gpus) {
      return "no %s: this machine has %d CUDA devices, counted from 0".formatted(device, gpus);
    }
    return "";
  }

  /**
   * BF16 only on GPUs with bfloat16 tensor cores: on a CPU, libtorch's attention computes in f32.
   */
  Set<DType> nativeDtypes(Device device) {
    // Ampere, 8.0, is the first with bfloat16 tensor cores.
    return !device.isCpu() && Gpu.capability(device) >= 80
        ? Set.of(DType.F32, DType.BF16)
        : Set.of(DType.F32);
  }

  String instructionSet(Device device) {
    if (!device.isCpu()) {
      return "sm_" + Gpu.capability(device);
    }
    try (BytePointer capability = torch.get_cpu_capability()) {
      return capability.getString();
    }
  }

  /** For example {@code libtorch 2.13.0}. */
  String version() {
    try {
      return "libtorch " + Loader.getVersion("org.bytedeco", "pytorch").split("-", 2)[0];
    } catch (IOException e) {
      throw new TorchException("cannot read libtorch's version from its jar", e);
    }
  }

  /** All kernels, compiled; the caller closes it. */
  CompilationUnit compile() {
    StringBuilder source = new StringBuilder();
    for (String script : SCRIPTS) {
      try (InputStream in = Objects.requireNonNull(LibTorch.class.getResourceAsStream(script))) {
        source.append(new String(in.readAllBytes(), StandardCharsets.UTF_8)).append('\n');
      } catch (IOException e) {
        throw new TorchException("cannot read " + script + " beside " + LibTorch.class, e);
      }
    }
    return torch.compile(source.toString());
  }

  /**
   * Sets how many threads the calling thread's kernels use, in libtorch and in its BLAS. Idle
   * threads do not spin, because the launcher sets their environment so.
   */
  void useThreads(int threads) {
    torch.set_num_threads(threads);
    OpenBlas.useThreads(threads);
  }
}
