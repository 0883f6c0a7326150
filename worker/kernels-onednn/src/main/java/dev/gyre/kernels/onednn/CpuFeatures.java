package dev.gyre.kernels.onednn;

import dev.gyre.kernels.onednn.binding.OneDnn;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;

/**
 * Matrix instructions of this CPU, as oneDNN reports them.
 *
 * @param instructionSet the widest oneDNN uses, for the run's manifest
 * @param bf16 whether BF16 products are fast enough to be useful
 * @param nativeBf16 whether the CPU has BF16 instructions
 */
record CpuFeatures(String instructionSet, boolean bf16, boolean nativeBf16) {
  // Bits of dnnl_cpu_isa_t in oneapi/dnnl/dnnl_types.h.
  private static final int AVX2 = 0x04;
  private static final int AVX512 = 0x20;
  private static final int AVX512_BF16 = 0x80;
  private static final int AMX = 0xE00;

  private static final String AMX_NAME = "AMX";
  private static final Path CPU_INFO = Path.of("/proc/cpuinfo");

  static CpuFeatures detect(OneDnn oneDnn) {
    String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
    return arch.equals("aarch64") ? ofArm(cpuInfoNames("bf16")) : ofX86(oneDnn.effectiveIsa());
  }

  static CpuFeatures ofX86(int isa) {
    if ((isa & AMX) == AMX) {
      return new CpuFeatures(AMX_NAME, true, true);
    }
    if ((isa & AVX512_BF16) != 0) {
      return new CpuFeatures("AVX512-BF16", true, true);
    }
    if ((isa & AVX512) != 0) {
      return new CpuFeatures("AVX512", true, false); // oneDNN splits BF16 into f32 there
    }
    return new CpuFeatures((isa & AVX2) != 0 ? "AVX2" : "SSE4.1", false, false);
  }

  static CpuFeatures ofArm(boolean bf16) {
    return new CpuFeatures(bf16 ? "NEON-BF16" : "NEON", bf16, bf16);
  }

  /**
   * Whether products use tile registers (AMX), whose speed depends on the memory layout of
   * operands.
   */
  boolean tiles() {
    return instructionSet.equals(AMX_NAME);
  }

  /** Whether /proc/cpuinfo lists the feature; false if there is no such file. */
  private static boolean cpuInfoNames(String feature) {
    try {
      return Files.readAllLines(CPU_INFO).stream()
          .filter(line -> line.startsWith("Features"))
          .anyMatch(line -> Arrays.asList(line.split("\\s+")).contains(feature));
    } catch (IOException e) {
      return false;
    }
  }
}
