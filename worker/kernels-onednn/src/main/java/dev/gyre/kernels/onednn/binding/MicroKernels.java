package dev.gyre.kernels.onednn.binding;

import static java.lang.foreign.ValueLayout.JAVA_BOOLEAN;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Products C = A·B or C += A·B of BF16 by oneDNN's batch-reduce gemm, the micro-kernel inside its
 * matmul primitive: A [m][lda], B in pairs of rows [k/2][ldb][2], C F32 [m][ldc]. A call costs a
 * tenth of a primitive's, and operands in this layout need no reorder.
 *
 * <p>oneDNN exports these C++ functions without declaring them. So this class binds only one
 * version of the library. The library itself constructs, fills and frees every structure, in memory
 * larger than needed; this class never accesses a field of one. {@link #open} refuses another
 * version, a library without one of the functions, a CPU without BF16 instructions, and kernels
 * whose trial products are wrong; callers then use {@link DnnlGemm}.
 *
 * <p>One thread at a time. Kernels are compiled once per shape (about 1 ms) and kept; no allocation
 * once warm.
 */
@SuppressWarnings("restricted")
public final class MicroKernels implements AutoCloseable {
  /** The version whose functions are bound. */
  private static final int[] VERSION = {3, 13, 0};

  private static final String X64 = "_ZN4dnnl4impl3cpu3x64";
  private static final String DESC = "NS2_13brgemm_desc_tE";

  // Of brgemm_desc_t: 640 bytes in this version.
  private static final long DESC_BYTES = 16384;
  private static final long PALETTE_BYTES = 64;

  /** brgemm_batch_element_t: A, B and 24 bytes of padding, here 0; larger than needed. */
  private static final long BATCH_BYTES = 128;

  /**
   * Buffer that tile kernels may use to store partial tiles: 8 tiles of 1 KB, times 8 as reserve.
   */
  private static final long SCRATCH_BYTES = 64 * 1024;

  private static final int ANY_ISA = 0;
  private static final int BATCH_OF_ADDRESSES = 1;
  private static final int ROW_MAJOR = 2;

  // Bits of dnnl_cpu_isa_t in oneapi/dnnl/dnnl_types.h.
  private static final int AVX512_BF16 = 0x80;

  /** Shapes kept: attention of one head size has at most 160. */
  static final int CAPACITY = 1024;

  private static final MethodHandle OF_POINTER =
      Linker.nativeLinker().downcallHandle(FunctionDescriptor.ofVoid(JAVA_LONG));
  private static final MethodHandle STATUS_OF_POINTER = SetupCalls.handle(JAVA_INT, JAVA_LONG);
  private static final MethodHandle STATUS_OF_POINTERS =
      SetupCalls.handle(JAVA_INT, JAVA_LONG, JAVA_LONG);
  private static final MethodHandle INIT =
      SetupCalls.handle(
          JAVA_INT,
          JAVA_LONG, // descriptor
          JAVA_INT, // instruction set
          JAVA_INT, // kind of batch
          JAVA_INT, // dtypes of A and B
          JAVA_INT,
          JAVA_BOOLEAN, // A, B transposed
          JAVA_BOOLEAN,
          JAVA_INT, // layout
          JAVA_FLOAT, // alpha, beta
          JAVA_FLOAT,
          JAVA_LONG, // lda, ldb, ldc
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG, // m, n, k
          JAVA_LONG,
          JAVA_LONG,
          JAVA_LONG, // strides
          JAVA_BOOLEAN); // TF32
  private static final MethodHandle EXECUTE =
      Linker.nativeLinker()
          .downcallHandle(
              FunctionDescriptor.ofVoid(
                  JAVA_LONG, // kernel
                  JAVA_INT, // size of the batch
                  JAVA_LONG, // batch, C, scratch, run-time values
                  JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private final MemorySegment construct;
  private final MemorySegment destruct;
  private final MemorySegment init;
  private final MemorySegment finish;
  private final MemorySegment create;
  private final MemorySegment destroy;
  private final MemorySegment execute;
  private final MemorySegment initTiles;
  private final MemorySegment configureTiles;
  private final Arena arena = Arena.ofShared();
  private final MemorySegment descriptor = arena.allocate(DESC_BYTES, 64);
  private final MemorySegment batch = arena.allocate(BATCH_BYTES, 64);
  private final MemorySegment out = arena.allocate(JAVA_LONG);
  private final long scratch = arena.allocate(SCRATCH_BYTES, 4096).address();
  private final MemorySegment palettes = arena.allocate(CAPACITY * PALETTE_BYTES, 64);
  private final @Nullable Kernel[] table = new Kernel[CAPACITY];
  private int used;

  /** The kernel of the last shape: consecutive products often have the same shape. */
  private @Nullable Kernel last;

  /**
   * One compiled shape.
   *
   * @param address of the library's kernel
   * @param palette address of the tile configuration it needs, 0 if none
   */
  private record Kernel(
      int m,
      int n,
      int k,
      int lda,
      int ldb,
      int ldc,
      boolean accumulate,
      long address,
      long palette) {
    boolean is(int m, int n, int k, int lda, int ldb, int ldc, boolean accumulate) {
      return this.m == m
          && this.n == n
          && this.k == k
          && this.lda == lda
          && this.ldb == ldb
          && this.ldc == ldc
          && this.accumulate == accumulate;
    }
  }

  private MicroKernels(SetupCalls calls) {
    construct = calls.symbol(X64 + "13brgemm_desc_tC1Ev");
    destruct = calls.symbol(X64 + "13brgemm_desc_tD1Ev");
    init =
        calls.symbol(
            X64
                + "16brgemm_desc_initEPNS2_13brgemm_desc_tENS2_9cpu_isa_tENS2_19brgemm_batch_kind_tE"
                + "16dnnl_data_type_tS7_bbNS2_15brgemm_layout_tEffllllllPKNS2_16brgemm_strides_tEb");
    finish = calls.symbol(X64 + "20brgemm_desc_finalizeEP" + DESC);
    create = calls.symbol(X64 + "20brgemm_kernel_createEPPNS2_15brgemm_kernel_tERK" + DESC);
    destroy = calls.symbol(X64 + "21brgemm_kernel_destroyEPNS2_15brgemm_kernel_tE");
    execute =
        calls.symbol(
            X64
                + "21brgemm_kernel_executeEPKNS2_15brgemm_kernel_tEiPKNS2_22brgemm_batch_element_tE"
                + "PvS9_PKNS2_23brgemm_dynamic_values_tE");
    initTiles = calls.symbol(X64 + "17brgemm_init_tilesERK" + DESC + "Pc");
    configureTiles = calls.symbol(X64 + "18amx_tile_configureEPKc");
  }

  /** Result of {@link #open}. */
  public sealed interface Opened {
    /** Kernels that work here; close them. */
    record Working(MicroKernels kernels) implements Opened {}

    /**
     * @param reason one line
     */
    record Refused(String reason) implements Opened {}
  }

  /**
   * Opens the kernels of a library, if its version is the bound one and trial products are correct.
   */
  public static Opened open(OneDnn oneDnn) {
    SetupCalls calls = oneDnn.calls();
    String refusal = refusal(version(calls), oneDnn.effectiveIsa());
    if (refusal != null) {
      return new Opened.Refused(refusal);
    }
    MicroKernels kernels;
    try {
      kernels = new MicroKernels(calls);
    } catch (OneDnnException e) {
      return new Opened.Refused(String.valueOf(e.getMessage()));
    }
    String wrong = new MicroKernelTrial(kernels::multiply).failure();
    if (wrong != null) {
      kernels.close();
      return new Opened.Refused(wrong);
    }
    return new Opened.Working(kernels);
  }

  /** Why the kernels cannot be used with this library version and instruction set, or null. */
  static @Nullable String refusal(int[] version, int isa) {
    if (!Arrays.equals(version, VERSION)) {
      return "oneDNN is %s, its micro-kernels are bound for %s"
          .formatted(dotted(version), dotted(VERSION));
    }
    return (isa & AVX512_BF16) == 0 ? "this CPU has no AVX512-BF16" : null;
  }

  private static String dotted(int[] version) {
    return "%d.%d.%d".formatted(version[0], version[1], version[2]);
  }

  private static int[] version(SetupCalls calls) {
    long at = calls.address("dnnl_version");
    int[] parts = new int[3];
    MemorySegment numbers = MemorySegment.ofAddress(at).reinterpret(3 * Integer.BYTES);
    MemorySegment.copy(numbers, JAVA_INT, 0, parts, 0, parts.length);
    return parts;
  }

  /**
   * One product; m, n and k are at least 1, k is even.
   *
   * @return false if oneDNN has no kernel for the shape; nothing is computed then
   */
  public boolean multiply(
      boolean accumulate, int m, int n, int k, long a, int lda, long b, int ldb, long c, int ldc) {
    Kernel kernel = last;
    if (kernel == null || !kernel.is(m, n, k, lda, ldb, ldc, accumulate)) {
      kernel = kernel(m, n, k, lda, ldb, ldc, accumulate);
      last = kernel;
    }
    if (kernel.address == 0) {
      return false;
    }
    batch.set(JAVA_LONG, 0, a);
    batch.set(JAVA_LONG, 8, b);
    try {
      if (kernel.palette != 0) {
        int _ = (int) STATUS_OF_POINTER.invokeExact(configureTiles, kernel.palette);
      }
      EXECUTE.invokeExact(execute, kernel.address, 1, batch.address(), c, scratch, 0L);
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
    return true;
  }

  private Kernel kernel(int m, int n, int k, int lda, int ldb, int ldc, boolean accumulate) {
    int hash = (((((m * 31 + n) * 31 + k) * 31 + lda) * 31 + ldb) * 31 + ldc) * 2;
    int spread = (hash + (accumulate ? 1 : 0)) * 0x9E3779B9;
    int at = (spread >>> 16) % CAPACITY;
    Kernel kernel = table[at];
    while (kernel != null) {
      if (kernel.is(m, n, k, lda, ldb, ldc, accumulate)) {
        return kernel;
      }
      at = (at + 1) % CAPACITY;
      kernel = table[at];
    }
    if (used == CAPACITY / 2) {
      destroyAll();
      return kernel(m, n, k, lda, ldb, ldc, accumulate);
    }
    kernel = compile(m, n, k, lda, ldb, ldc, accumulate, at);
    table[at] = kernel;
    used++;
    return kernel;
  }

  private Kernel compile(
      int m, int n, int k, int lda, int ldb, int ldc, boolean accumulate, int slot) {
    long desc = descriptor.address();
    long palette = palettes.address() + slot * PALETTE_BYTES;
    float beta = accumulate ? 1f : 0f;
    long address = 0;
    try {
      OF_POINTER.invokeExact(construct, desc);
      int status =
          (int)
              INIT.invokeExact(
                  init,
                  desc,
                  ANY_ISA,
                  BATCH_OF_ADDRESSES,
                  OneDnn.BF16,
                  OneDnn.BF16,
                  false,
                  false,
                  ROW_MAJOR,
                  1f,
                  beta,
                  (long) lda,
                  (long) ldb,
                  (long) ldc,
                  (long) m,
                  (long) n,
                  (long) k,
                  0L,
                  false);
      if (status == SetupCalls.SUCCESS) {
        status = (int) STATUS_OF_POINTER.invokeExact(finish, desc);
      }
      if (status == SetupCalls.SUCCESS) {
        status = (int) STATUS_OF_POINTERS.invokeExact(create, out.address(), desc);
      }
      if (status == SetupCalls.SUCCESS) {
        address = out.get(JAVA_LONG, 0);
        int tiles = (int) STATUS_OF_POINTERS.invokeExact(initTiles, desc, palette);
        palette = tiles == SetupCalls.SUCCESS ? palette : 0;
      }
      OF_POINTER.invokeExact(destruct, desc);
    } catch (Throwable t) {
      throw SetupCalls.unchecked(t);
    }
    return new Kernel(m, n, k, lda, ldb, ldc, accumulate, address, palette);
  }

  private void destroyAll() {
    for (Kernel kernel : table) {
      if (kernel != null && kernel.address != 0) {
        try {
          int _ = (int) STATUS_OF_POINTER.invokeExact(destroy, kernel.address);
        } catch (Throwable t) {
          throw SetupCalls.unchecked(t);
        }
      }
    }
    Arrays.fill(table, null);
    last = null;
    used = 0;
  }

  /** Shapes compiled and kept. */
  public int compiled() {
    return used;
  }

  @Override
  public void close() {
    destroyAll();
    arena.close();
  }
}
