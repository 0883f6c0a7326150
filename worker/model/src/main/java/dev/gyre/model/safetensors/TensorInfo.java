package dev.gyre.model.safetensors;

import java.util.Arrays;

/**
 * One tensor of a safetensors header.
 *
 * @param dtype the format's name: F64, F32, F16, BF16, I64, I32, I16, I8, U8, BOOL, …
 * @param begin first byte, counted from the start of the data
 * @param end byte after the last
 */
public record TensorInfo(String name, String dtype, long[] shape, long begin, long end) {

  public TensorInfo {
    shape = shape.clone();
  }

  /**
   * @throws ArithmeticException when it does not fit a long
   */
  public long elements() {
    long n = 1;
    for (long d : shape) {
      n = Math.multiplyExact(n, d);
    }
    return n;
  }

  public long byteSize() {
    return end - begin;
  }

  /** Whether {@link SafetensorsReader#readF32} can read it. */
  public boolean isFloat() {
    return switch (dtype) {
      case "F64", "F32", "BF16", "F16" -> true;
      default -> false;
    };
  }

  /** Bytes of one element of a dtype; 0 for one that is not known. */
  static int width(String dtype) {
    return switch (dtype) {
      case "F64", "I64", "U64" -> 8;
      case "F32", "I32", "U32" -> 4;
      case "F16", "BF16", "I16", "U16" -> 2;
      case "I8", "U8", "BOOL", "F8_E4M3", "F8_E5M2" -> 1;
      default -> 0;
    };
  }

  @Override
  public String toString() {
    return name + " " + dtype + Arrays.toString(shape);
  }
}
