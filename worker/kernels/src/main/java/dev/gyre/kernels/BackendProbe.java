package dev.gyre.kernels;

import java.util.Set;

/** What a backend supports on this machine, or why it cannot be used. */
public sealed interface BackendProbe {
  /**
   * @param dtypes compute dtypes it accepts
   * @param nativeDtypes those the hardware multiplies natively, for {@code dtype: auto}
   * @param instructionSet for example {@code AVX512-BF16}, part of a run's manifest
   * @param library name and version of the compute library
   */
  record Available(
      Set<DType> dtypes,
      Set<DType> nativeDtypes,
      String device,
      String instructionSet,
      String library)
      implements BackendProbe {}

  /**
   * @param reason one line that says what to do
   */
  record Unavailable(String reason) implements BackendProbe {}
}
