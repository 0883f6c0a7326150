package dev.gyre.kernels.torch;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.util.Optional;

/** The thread count of OpenBLAS, for which JavaCPP has no method. */
@SuppressWarnings("restricted")
final class OpenBlas {
  private OpenBlas() {}

  /**
   * Without this call OpenBLAS starts a thread for every core, regardless of libtorch's setting.
   */
  static void useThreads(int threads) {
    // Loaded by JavaCPP with the class loader of this class. On macOS libtorch calls Accelerate.
    Optional<MemorySegment> set = SymbolLookup.loaderLookup().find("openblas_set_num_threads");
    if (set.isEmpty()) {
      return;
    }
    try {
      Linker.nativeLinker()
          .downcallHandle(set.get(), FunctionDescriptor.ofVoid(JAVA_INT))
          .invokeExact(threads);
    } catch (Throwable e) {
      throw new TorchException("openblas_set_num_threads(" + threads + ")", e);
    }
  }
}
