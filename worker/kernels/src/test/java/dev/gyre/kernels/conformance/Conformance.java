package dev.gyre.kernels.conformance;

import dev.gyre.kernels.DType;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** The suite that every backend must pass for the compute dtypes it claims. */
public final class Conformance {
  /** Empty, one, SIMD lane counts ± 1, primes. */
  static final int[] SIZES = {0, 1, 2, 7, 15, 16, 17, 31, 33, 61, 127, 257};

  private Conformance() {}

  /** All checks for these compute dtypes. */
  public static List<Check> checks(Set<DType> dtypes) {
    List<Check> checks = new ArrayList<>();
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      if (dtypes.contains(dtype)) {
        MovementChecks.addTo(checks, dtype);
        LinearChecks.addTo(checks, dtype);
        RowChecks.addTo(checks, dtype);
        AttentionChecks.addTo(checks, dtype);
        AttentionBackwardChecks.addTo(checks, dtype);
        LightningChecks.addTo(checks, dtype);
        RouterChecks.addTo(checks, dtype);
        LossChecks.addTo(checks, dtype);
      }
    }
    return checks;
  }
}
