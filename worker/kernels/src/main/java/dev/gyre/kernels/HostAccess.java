package dev.gyre.kernels;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import java.lang.foreign.MemorySegment;

/** Reads and writes elements of host tensors. Indices count elements and are not checked. */
@SuppressWarnings("restricted") // the one segment through which tensors' addresses are reached
public final class HostAccess {
  private static final MemorySegment ALL = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  private HostAccess() {}

  /** Element {@code i} of a float tensor. */
  public static double get(Tensor t, long i) {
    return switch (t.dtype()) {
      case F32 -> ALL.get(JAVA_FLOAT_UNALIGNED, t.address() + i * 4);
      case BF16 -> BFloat16.toFloat(ALL.get(JAVA_SHORT_UNALIGNED, t.address() + i * 2));
      case F64 -> ALL.get(JAVA_DOUBLE_UNALIGNED, t.address() + i * 8);
      case I32, I64 -> throw new IllegalArgumentException("not a float tensor: " + t);
    };
  }

  /** Stores {@code value}, rounded to the tensor's dtype. */
  public static void set(Tensor t, long i, double value) {
    switch (t.dtype()) {
      case F32 -> ALL.set(JAVA_FLOAT_UNALIGNED, t.address() + i * 4, (float) value);
      case BF16 ->
          ALL.set(JAVA_SHORT_UNALIGNED, t.address() + i * 2, BFloat16.fromFloat((float) value));
      case F64 -> ALL.set(JAVA_DOUBLE_UNALIGNED, t.address() + i * 8, value);
      case I32, I64 -> throw new IllegalArgumentException("not a float tensor: " + t);
    }
  }

  public static void add(Tensor t, long i, double value) {
    set(t, i, get(t, i) + value);
  }

  /** Element {@code i} of an I32 tensor. */
  public static int index(Tensor t, long i) {
    return ALL.get(JAVA_INT_UNALIGNED, t.address() + i * 4);
  }

  public static void setIndex(Tensor t, long i, int value) {
    ALL.set(JAVA_INT_UNALIGNED, t.address() + i * 4, value);
  }

  /** {@code count} elements from {@code from} on, widened. */
  public static void read(Tensor t, long from, int count, double[] into) {
    for (int i = 0; i < count; i++) {
      into[i] = get(t, from + i);
    }
  }

  /** Stores all values from the first element on, rounded to the tensor's dtype. */
  public static void write(double[] values, Tensor t) {
    for (int i = 0; i < values.length; i++) {
      set(t, i, values[i]);
    }
  }

  public static void copyBytes(long from, long to, long bytes) {
    MemorySegment.copy(ALL, from, ALL, to, bytes);
  }

  public static void zeroBytes(long at, long bytes) {
    ALL.asSlice(at, bytes).fill((byte) 0);
  }
}
