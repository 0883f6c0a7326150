package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import org.jspecify.annotations.Nullable;

/**
 * The functions of oneDNN this backend calls, with an engine and a stream on the CPU.
 *
 * <p>Method handles take the function's address as an argument, so that they can be constants of
 * the class without loading the library. The addresses are fields of the opened library. Not
 * thread-safe: one thread at a time.
 */
@SuppressWarnings("restricted")
public final class OneDnn implements AutoCloseable {
  /** The release of oneDNN this binds. */
  public static final String VERSION = NativeLibraries.VERSION;

  // Values of oneapi/dnnl/dnnl_types.h and dnnl_common_types.h, release 3.
  static final int BF16 = 2;
  static final int F32 = 3;
  static final int ARG_SRC = 1;
  static final int ARG_DST = 17;
  static final int ARG_WEIGHTS = 33;
  static final int ARG_SCRATCHPAD = 80;
  private static final int ENGINE_CPU = 1;
  private static final int STREAM_IN_ORDER = 1;
  private static final int SCRATCHPAD_USER = 1;
  private static final int MAX_DIMS = 12;
  private static final int FORMAT_ANY = 1;
  static final int QUERY_WEIGHTS_MD = 131;
  static final int QUERY_SCRATCHPAD_MD = 136;

  private static final MethodHandle GEMM =
      SetupCalls.handle(
          JAVA_INT,
          JAVA_BYTE, // transA
          JAVA_BYTE,
          JAVA_LONG, // m, n, k
          JAVA_LONG,
          JAVA_LONG,
          JAVA_FLOAT, // alpha
          JAVA_LONG, // a, lda
          JAVA_LONG,
          JAVA_LONG, // b, ldb
          JAVA_LONG,
          JAVA_FLOAT, // beta
          JAVA_LONG, // c, ldc
          JAVA_LONG);
  private static final MethodHandle SET_THREADS =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(JAVA_INT));

  /** Handles that a probe does not need. */
  private static final class Primitive {
    static final MethodHandle SET_HANDLE = SetupCalls.handle(JAVA_INT, JAVA_LONG, JAVA_LONG);
    static final MethodHandle EXECUTE =
        SetupCalls.handle(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_INT, JAVA_LONG);
  }

  private final SetupCalls calls;
  private final MemorySegment sgemm;
  private final @Nullable MemorySegment bf16Gemm;
  private final MemorySegment setHandle;
  private final MemorySegment execute;
  private final MemorySegment setThreads;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment out = arena.allocate(JAVA_LONG);
  private final MemorySegment dims = arena.allocate(JAVA_LONG, 2 * MAX_DIMS);
  private final long engine;
  private final long stream;
  private @Nullable Thread boundThread;

  private OneDnn(NativeLibraries libraries) {
    calls = new SetupCalls(libraries.dnnl());
    sgemm = calls.symbol("dnnl_sgemm");
    setHandle = calls.symbol("dnnl_memory_set_data_handle");
    execute = calls.symbol("dnnl_primitive_execute");
    setThreads =
        libraries
            .openMp()
            .find("omp_set_num_threads")
            .orElseThrow(
                () -> new OneDnnException("the OpenMP runtime has no omp_set_num_threads"));
    bindThread();
    calls.engineCreate(out.address(), ENGINE_CPU, 0);
    engine = result();
    calls.streamCreate(out.address(), engine, STREAM_IN_ORDER);
    stream = result();
    bf16Gemm = workingBf16Gemm();
  }

  /**
   * Loads the library if this process has not yet, and makes an engine that computes on the calling
   * thread alone, see {@link #bindThread}.
   *
   * @throws OneDnnException with a one-line reason when oneDNN cannot be used here
   */
  public static OneDnn open() {
    return new OneDnn(NativeLibraries.load(NativeLibraries.cache()));
  }

  SetupCalls calls() {
    return calls;
  }

  /**
   * oneDNN's bit set of the instruction sets it uses on this CPU; 0 on architectures other than
   * x86-64.
   */
  public int effectiveIsa() {
    return calls.effectiveIsa();
  }

  /**
   * Limits OpenMP parallel regions of the calling thread to one thread. The setting is per thread,
   * so each kernel thread sets its own on first use.
   */
  void bindThread() {
    Thread current = Thread.currentThread();
    if (boundThread == current) {
      return;
    }
    try {
      SET_THREADS.invokeExact(setThreads, 1);
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
    boundThread = current;
  }

  /** Whether {@link #bf16Gemm} may be called: the entry exists and this CPU has a kernel for it. */
  boolean hasBf16Gemm() {
    return bf16Gemm != null;
  }

  /** C = op(A)·op(B) + beta·C in f32, row-major with leading dimensions in elements. */
  void sgemm(
      boolean transA,
      boolean transB,
      long m,
      long n,
      long k,
      long a,
      long lda,
      long b,
      long ldb,
      float beta,
      long c,
      long ldc) {
    gemm(sgemm, transA, transB, m, n, k, a, lda, b, ldb, beta, c, ldc);
  }

  /** The same with A and B in bf16 and C in f32. */
  void bf16Gemm(
      boolean transA,
      boolean transB,
      long m,
      long n,
      long k,
      long a,
      long lda,
      long b,
      long ldb,
      float beta,
      long c,
      long ldc) {
    MemorySegment function = bf16Gemm;
    if (function == null) {
      throw new OneDnnException("oneDNN has no bf16 gemm on this CPU");
    }
    gemm(function, transA, transB, m, n, k, a, lda, b, ldb, beta, c, ldc);
  }

  private static void gemm(
      MemorySegment function,
      boolean transA,
      boolean transB,
      long m,
      long n,
      long k,
      long a,
      long lda,
      long b,
      long ldb,
      float beta,
      long c,
      long ldc) {
    byte ta = (byte) (transA ? 'T' : 'N');
    byte tb = (byte) (transB ? 'T' : 'N');
    int status;
    try {
      status = (int) GEMM.invokeExact(function, ta, tb, m, n, k, 1f, a, lda, b, ldb, beta, c, ldc);
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
    if (status != SetupCalls.SUCCESS) {
      throw new OneDnnException(
          "oneDNN gemm %dx%dx%d (lda %d, ldb %d, ldc %d): status %d"
              .formatted(m, n, k, lda, ldb, ldc, status));
    }
  }

  /** Sets the address of a memory object. */
  void setDataHandle(long memory, long address) {
    try {
      SetupCalls.check(
          "dnnl_memory_set_data_handle",
          (int) Primitive.SET_HANDLE.invokeExact(setHandle, memory, address));
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
  }

  /** Runs a primitive; {@code arguments} points at {@code count} of {@code dnnl_exec_arg_t}. */
  void execute(long primitive, long arguments, int count) {
    try {
      SetupCalls.check(
          "dnnl_primitive_execute",
          (int) Primitive.EXECUTE.invokeExact(execute, primitive, stream, count, arguments));
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
  }

  /** A descriptor of a [rows, columns] matrix with strides in elements; destroy it. */
  long matrixDescriptor(int dtype, long rows, long columns, long rowStride, long columnStride) {
    dims.setAtIndex(JAVA_LONG, 0, rows);
    dims.setAtIndex(JAVA_LONG, 1, columns);
    dims.setAtIndex(JAVA_LONG, MAX_DIMS, rowStride);
    dims.setAtIndex(JAVA_LONG, MAX_DIMS + 1, columnStride);
    long strides = dims.address() + (long) MAX_DIMS * Long.BYTES;
    calls.descriptorWithStrides(out.address(), 2, dims.address(), dtype, strides);
    return result();
  }

  /** A descriptor of a [rows, columns] matrix whose layout oneDNN may choose; destroy it. */
  long anyMatrixDescriptor(int dtype, long rows, long columns) {
    dims.setAtIndex(JAVA_LONG, 0, rows);
    dims.setAtIndex(JAVA_LONG, 1, columns);
    calls.descriptorWithTag(out.address(), 2, dims.address(), dtype, FORMAT_ANY);
    return result();
  }

  void destroyDescriptor(long descriptor) {
    calls.call("dnnl_memory_desc_destroy", descriptor);
  }

  /** Bytes of a matrix with this descriptor. */
  long sizeOf(long descriptor) {
    return calls.descriptorSize(descriptor);
  }

  /** A memory object without an address; destroy it. */
  long memory(long descriptor) {
    calls.call("dnnl_memory_create", out.address(), descriptor, engine, 0L);
    return result();
  }

  void destroyMemory(long memory) {
    calls.call("dnnl_memory_destroy", memory);
  }

  /**
   * A description of dst = src·weights, or dst += src·weights, with the caller's scratchpad;
   * destroy it.
   *
   * @param sumDtype dtype of dst when it accumulates, 0 when it is overwritten
   */
  long matmulDescription(long src, long weights, long dst, int sumDtype) {
    calls.call("dnnl_primitive_attr_create", out.address());
    long attributes = result();
    try {
      calls.call("dnnl_primitive_attr_set_scratchpad_mode", attributes, SCRATCHPAD_USER);
      if (sumDtype != 0) {
        calls.call("dnnl_post_ops_create", out.address());
        long postOps = result();
        calls.appendSum(postOps, 1f, 0, sumDtype);
        calls.call("dnnl_primitive_attr_set_post_ops", attributes, postOps);
        calls.call("dnnl_post_ops_destroy", postOps);
      }
      calls.matmulDescription(out.address(), engine, src, weights, 0L, dst, attributes);
      return result();
    } finally {
      calls.call("dnnl_primitive_attr_destroy", attributes);
    }
  }

  /** A description of a reorder; destroy it. */
  long reorderDescription(long from, long to) {
    calls.reorderDescription(out.address(), from, engine, to, engine, 0L);
    return result();
  }

  /** The descriptor that a description chose for one of its arguments; owned by the description. */
  long queryDescriptor(long description, int what) {
    return calls.queryDescriptor(description, what, 0);
  }

  void destroyDescription(long description) {
    calls.call("dnnl_primitive_desc_destroy", description);
  }

  /** Compiles a primitive from its description; destroy it. */
  long primitive(long description) {
    calls.call("dnnl_primitive_create", out.address(), description);
    return result();
  }

  void destroyPrimitive(long primitive) {
    calls.call("dnnl_primitive_destroy", primitive);
  }

  @Override
  public void close() {
    calls.call("dnnl_stream_destroy", stream);
    calls.call("dnnl_engine_destroy", engine);
    arena.close();
  }

  /**
   * The entry {@code dnnl_gemm_bf16bf16f32}, if a trial product through it is right. oneDNN exports
   * it beside {@code dnnl_sgemm} without declaring it in its headers, and it answers
   * "unimplemented" where a CPU has no such kernel.
   */
  private @Nullable MemorySegment workingBf16Gemm() {
    MemorySegment function = calls.find("dnnl_gemm_bf16bf16f32");
    if (function == null) {
      return null;
    }
    try (Arena trial = Arena.ofConfined()) {
      MemorySegment a = trial.allocateFrom(JAVA_SHORT, (short) 0x4000, (short) 0x4040); // 2, 3
      MemorySegment c = trial.allocateFrom(JAVA_FLOAT, 1f);
      int status =
          (int)
              GEMM.invokeExact(
                  function,
                  (byte) 'N',
                  (byte) 'T',
                  1L,
                  1L,
                  2L,
                  1f,
                  a.address(),
                  2L,
                  a.address(),
                  2L,
                  1f,
                  c.address(),
                  1L);
      return status == SetupCalls.SUCCESS && c.get(JAVA_FLOAT, 0) == 14f ? function : null;
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
  }

  private long result() {
    return out.get(JAVA_LONG, 0);
  }
}
