package dev.gyre.trainer.worker;

import dev.gyre.kernels.DType;

/** Compute dtypes by the names of job files and plans. */
public final class Dtypes {
  private Dtypes() {}

  public static String name(DType dtype) {
    return switch (dtype) {
      case F32 -> "f32";
      case BF16 -> "bf16";
      case F64, I32, I64 -> throw new IllegalArgumentException(dtype + " is no compute dtype");
    };
  }

  public static DType of(String name) {
    return switch (name) {
      case "f32" -> DType.F32;
      case "bf16" -> DType.BF16;
      default -> throw new IllegalArgumentException("dtype '" + name + "' must be bf16 or f32");
    };
  }
}
