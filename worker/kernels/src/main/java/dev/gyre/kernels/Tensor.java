package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * A contiguous, row-major view of memory. It owns nothing and checks its bounds only when made.
 *
 * <p>Dims are {@code long}; a dim may be 0. The last dim is called the width, the product of the
 * others the number of rows.
 */
public final class Tensor {
  private final long address;
  private final DType dtype;
  private final long[] dims;
  private final long elements;

  /**
   * @param address address of the first element: a host address, or the backend's device pointer
   * @param dims sizes, outermost first; copied
   */
  public Tensor(long address, DType dtype, long... dims) {
    long n = 1;
    for (long d : dims) {
      if (d < 0) {
        throw new IllegalArgumentException("negative dim in " + Arrays.toString(dims));
      }
      n = Math.multiplyExact(n, d);
    }
    this.address = address;
    this.dtype = dtype;
    this.dims = dims.clone();
    this.elements = n;
  }

  /** A view of a whole native segment, whose size must be exactly that of the tensor. */
  public static Tensor of(MemorySegment segment, DType dtype, long... dims) {
    Tensor t = new Tensor(segment.address(), dtype, dims);
    if (!segment.isNative() || segment.byteSize() != t.byteSize()) {
      throw new IllegalArgumentException(
          t + " needs a native segment of " + t.byteSize() + " bytes, got " + segment.byteSize());
    }
    return t;
  }

  public long address() {
    return address;
  }

  public DType dtype() {
    return dtype;
  }

  public int rank() {
    return dims.length;
  }

  /** Size of one dim; negative indices count from the end. */
  public long dim(int i) {
    return dims[i < 0 ? dims.length + i : i];
  }

  public long elements() {
    return elements;
  }

  /** Size of the last dim; 1 for a scalar. */
  public long width() {
    return dims.length == 0 ? 1 : dims[dims.length - 1];
  }

  /** Product of all dims but the last; for a tensor whose width is 0, 0. */
  public long rows() {
    return width() == 0 ? 0 : elements / width();
  }

  public long byteSize() {
    return elements * dtype.bytes();
  }

  /** Same elements, other dims. */
  public Tensor reshape(long... newDims) {
    Tensor t = new Tensor(address, dtype, newDims);
    if (t.elements != elements) {
      throw new IllegalArgumentException(this + " does not reshape to " + Arrays.toString(newDims));
    }
    return t;
  }

  /** Rows {@code [from, from + count)} of the outermost dim. */
  public Tensor slice(long from, long count) {
    if (from < 0 || count < 0 || from + count > dims[0]) {
      throw new IndexOutOfBoundsException("rows " + from + "+" + count + " of " + this);
    }
    long[] d = dims.clone();
    d[0] = count;
    long stride = dims[0] == 0 ? 0 : elements / dims[0];
    return new Tensor(address + from * stride * dtype.bytes(), dtype, d);
  }

  /** Entry {@code i} of the outermost dim, with that dim dropped. */
  public Tensor get(long i) {
    return slice(i, 1).reshape(Arrays.copyOfRange(dims, 1, dims.length));
  }

  /**
   * The bytes as a host segment of exactly this size. Only for host tensors; the caller keeps the
   * backing memory alive.
   */
  @SuppressWarnings("restricted")
  public MemorySegment segment() {
    return MemorySegment.ofAddress(address).reinterpret(byteSize());
  }

  /** Throws {@link IllegalArgumentException} naming both shapes unless dtype and dims are these. */
  public Tensor require(String name, DType wantedType, long... wantedDims) {
    if (dtype != wantedType || !Arrays.equals(dims, wantedDims)) {
      throw refused(name, wantedType, wantedDims);
    }
    return this;
  }

  /** {@link #require} of one dim, without an array: every kernel checks its arguments. */
  public Tensor require(String name, DType wantedType, long wanted) {
    if (dtype != wantedType || dims.length != 1 || dims[0] != wanted) {
      throw refused(name, wantedType, wanted);
    }
    return this;
  }

  /** {@link #require} of two dims, without an array. */
  public Tensor require(String name, DType wantedType, long first, long second) {
    if (dtype != wantedType || dims.length != 2 || dims[0] != first || dims[1] != second) {
      throw refused(name, wantedType, first, second);
    }
    return this;
  }

  /** {@link #require} of three dims, without an array. */
  public Tensor require(String name, DType wantedType, long first, long second, long third) {
    if (dtype != wantedType
        || dims.length != 3
        || dims[0] != first
        || dims[1] != second
        || dims[2] != third) {
      throw refused(name, wantedType, first, second, third);
    }
    return this;
  }

  private IllegalArgumentException refused(String name, DType wantedType, long... wantedDims) {
    return new IllegalArgumentException(
        name + ": wanted " + wantedType + Arrays.toString(wantedDims) + ", got " + this);
  }

  @Override
  public String toString() {
    return dtype + Arrays.toString(dims);
  }
}
