package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * Calls that are made during set-up only; functions are looked up by name each time. Every method
 * except the queries throws {@link OneDnnException} naming the function when it reports a failure.
 */
@SuppressWarnings("restricted")
record SetupCalls(SymbolLookup library) {
  static final int SUCCESS = 0;

  private static final MethodHandle NOTHING = handle(JAVA_INT);
  private static final MethodHandle ADDRESS = handle(JAVA_LONG);
  private static final MethodHandle POINTER = handle(JAVA_INT, JAVA_LONG);
  private static final MethodHandle TWO_POINTERS = handle(JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle POINTER_INT_LONG =
      handle(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG);
  private static final MethodHandle TWO_POINTERS_INT =
      handle(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT);

  /** Handles for descriptors and primitives. A probe does not need them, so it links none. */
  private static final class Primitives {
    static final MethodHandle POINTER_TO_LONG = handle(JAVA_LONG, JAVA_LONG);
    static final MethodHandle FOUR_POINTERS =
        handle(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle SIX_POINTERS =
        handle(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle SEVEN_POINTERS =
        handle(
            JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    static final MethodHandle POINTER_INT = handle(JAVA_INT, JAVA_LONG, JAVA_INT);
    static final MethodHandle QUERY = handle(JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_INT);
    static final MethodHandle STRIDES =
        handle(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG);
    static final MethodHandle TAG =
        handle(JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_LONG, JAVA_INT, JAVA_INT);
    static final MethodHandle SUM = handle(JAVA_INT, JAVA_LONG, JAVA_FLOAT, JAVA_INT, JAVA_INT);
  }

  static MethodHandle handle(MemoryLayout result, MemoryLayout... arguments) {
    return Linker.nativeLinker().downcallHandle(FunctionDescriptor.of(result, arguments));
  }

  @Nullable MemorySegment find(String name) {
    return library.find(name).orElse(null);
  }

  MemorySegment symbol(String name) {
    MemorySegment found = find(name);
    if (found == null) {
      throw new OneDnnException("the oneDNN library has no function " + name);
    }
    return found;
  }

  int effectiveIsa() {
    try {
      return (int) NOTHING.invokeExact(symbol("dnnl_get_effective_cpu_isa"));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  /** The pointer that a function without arguments returns. */
  long address(String name) {
    try {
      return (long) ADDRESS.invokeExact(symbol(name));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void call(String name, long a) {
    try {
      check(name, (int) POINTER.invokeExact(symbol(name), a));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void call(String name, long a, long b) {
    try {
      check(name, (int) TWO_POINTERS.invokeExact(symbol(name), a, b));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void call(String name, long a, int b) {
    try {
      check(name, (int) Primitives.POINTER_INT.invokeExact(symbol(name), a, b));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void call(String name, long a, long b, long c, long d) {
    try {
      check(name, (int) Primitives.FOUR_POINTERS.invokeExact(symbol(name), a, b, c, d));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void engineCreate(long out, int kind, long index) {
    String name = "dnnl_engine_create";
    try {
      check(name, (int) POINTER_INT_LONG.invokeExact(symbol(name), out, kind, index));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void streamCreate(long out, long engine, int flags) {
    String name = "dnnl_stream_create";
    try {
      check(name, (int) TWO_POINTERS_INT.invokeExact(symbol(name), out, engine, flags));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void descriptorWithStrides(long out, int rank, long dims, int dtype, long strides) {
    String name = "dnnl_memory_desc_create_with_strides";
    try {
      check(
          name,
          (int) Primitives.STRIDES.invokeExact(symbol(name), out, rank, dims, dtype, strides));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void descriptorWithTag(long out, int rank, long dims, int dtype, int tag) {
    String name = "dnnl_memory_desc_create_with_tag";
    try {
      check(name, (int) Primitives.TAG.invokeExact(symbol(name), out, rank, dims, dtype, tag));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  long descriptorSize(long descriptor) {
    try {
      return (long)
          Primitives.POINTER_TO_LONG.invokeExact(symbol("dnnl_memory_desc_get_size"), descriptor);
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void appendSum(long postOps, float scale, int zeroPoint, int dtype) {
    String name = "dnnl_post_ops_append_sum";
    try {
      check(name, (int) Primitives.SUM.invokeExact(symbol(name), postOps, scale, zeroPoint, dtype));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void matmulDescription(
      long out, long engine, long src, long weights, long bias, long dst, long attributes) {
    String name = "dnnl_matmul_primitive_desc_create";
    try {
      check(
          name,
          (int)
              Primitives.SEVEN_POINTERS.invokeExact(
                  symbol(name), out, engine, src, weights, bias, dst, attributes));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  void reorderDescription(
      long out, long from, long fromEngine, long to, long toEngine, long attributes) {
    String name = "dnnl_reorder_primitive_desc_create";
    try {
      check(
          name,
          (int)
              Primitives.SIX_POINTERS.invokeExact(
                  symbol(name), out, from, fromEngine, to, toEngine, attributes));
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  long queryDescriptor(long description, int what, int index) {
    try {
      return (long)
          Primitives.QUERY.invokeExact(
              symbol("dnnl_primitive_desc_query_md"), description, what, index);
    } catch (Throwable t) {
      throw unchecked(t);
    }
  }

  static void check(String function, int status) {
    if (status != SUCCESS) {
      throw new OneDnnException(function + " failed with status " + status);
    }
  }

  /** Converts what a method handle threw; unchecked exceptions stay as they are. */
  static RuntimeException unchecked(Throwable t) {
    if (t instanceof Error error) {
      throw error;
    }
    return t instanceof RuntimeException known ? known : new IllegalStateException(t);
  }
}
