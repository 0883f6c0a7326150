package dev.gyre.kernels;

import java.util.Set;

/** What a backend can do here, or why it cannot. */
public sealed interface BackendProbe {
  /**
   * @param dtypes compute dtypes it accepts
   * @param nativeDtypes those the hardware multiplies natively, for {@code dtype: auto}
   * @param instructionSet for example {@code AVX512-BF16}, part of a run's manifest
   * @param library name and version of what computes
   */
  record Available(
      Set<DType> dtypes,
      Set<DType> nativeDtypes,
      String device,
      String instructionSet,
      String library)
      implements BackendProbe {}

  /**
   * @param reason one line a person can act on
   */
  record Unavailable(String reason) implements BackendProbe {}
}
