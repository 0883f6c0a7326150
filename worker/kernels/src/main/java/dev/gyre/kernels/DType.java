package dev.gyre.kernels;

/** Element types. Every one has a fixed width in bytes. */
public enum DType {
  F32(4, "F32"),
  BF16(2, "BF16"),
  /** Only for scalars that accumulate sums, and for tests. */
  F64(8, "F64"),
  I32(4, "I32"),
  I64(8, "I64");

  private final int bytes;
  private final String safetensorsName;

  DType(int bytes, String safetensorsName) {
    this.bytes = bytes;
    this.safetensorsName = safetensorsName;
  }

  /** Width of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  /** The name used in a safetensors header. */
  public String safetensorsName() {
    return safetensorsName;
  }
}
