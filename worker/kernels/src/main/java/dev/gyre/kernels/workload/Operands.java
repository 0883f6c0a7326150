package dev.gyre.kernels.workload;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** Creates the tensors that workloads compute on. */
public final class Operands {
  /** Length of the pattern of values that fills tensors: a prime, so that no two rows are equal. */
  private static final int PATTERN = 8191;

  /** Allocates tensors. */
  private interface Memory {
    Tensor floats(DType dtype, long... dims);

    Tensor indices(int[] values, long... dims);
  }

  private final Kernels kernels;
  private final DType compute;
  private final Memory memory;

  private Operands(Kernels kernels, DType compute, Memory memory) {
    this.kernels = kernels;
    this.compute = compute;
    this.memory = memory;
  }

  /**
   * Operands of a backend. Floats are normally distributed and the same in every run.
   *
   * @param compute dtype of the kernels' compute tensors
   * @param arena their memory: must outlive every workload, and be open to the thread that runs
   *     them
   */
  public static Operands in(Arena arena, Backend backend, DType compute) {
    return new Operands(backend.kernels(), compute, new BackendMemory(arena, backend));
  }

  /** Operands without memory, for workloads that are only described and not run. */
  static Operands described(DType compute) {
    Kernels idle = KernelCall.receivedBy(_ -> {});
    return new Operands(
        idle,
        compute,
        new Memory() {
          @Override
          public Tensor floats(DType dtype, long... dims) {
            return new Tensor(0, dtype, dims);
          }

          @Override
          public Tensor indices(int[] values, long... dims) {
            return new Tensor(0, DType.I32, dims);
          }
        });
  }

  Kernels kernels() {
    return kernels;
  }

  /** A tensor of the compute dtype. */
  Tensor compute(long... dims) {
    return memory.floats(compute, dims);
  }

  Tensor f32(long... dims) {
    return memory.floats(DType.F32, dims);
  }

  /** An F64 scalar, to accumulate a sum. */
  Tensor f64() {
    return memory.floats(DType.F64, 1);
  }

  Tensor indices(int[] values, long... dims) {
    return memory.indices(values, dims);
  }

  private static final class BackendMemory implements Memory {
    private final Arena arena;
    private final Backend backend;
    private final MemorySegment pattern32;
    private final MemorySegment pattern16;

    BackendMemory(Arena arena, Backend backend) {
      this.arena = arena;
      this.backend = backend;
      float[] values = new float[PATTERN];
      Random random = new Random(1);
      for (int i = 0; i < PATTERN; i++) {
        values[i] = (float) random.nextGaussian();
      }
      pattern32 = Tensors.of(arena, DType.F32, values, PATTERN).segment();
      pattern16 = Tensors.of(arena, DType.BF16, values, PATTERN).segment();
    }

    @Override
    public Tensor floats(DType dtype, long... dims) {
      Tensor t = allocate(dtype, dims);
      switch (dtype) {
        case F32 -> repeat(pattern32, t.segment(), t.byteSize());
        case BF16 -> repeat(pattern16, t.segment(), t.byteSize());
        case F64, I32, I64 -> {}
      }
      return t;
    }

    @Override
    public Tensor indices(int[] values, long... dims) {
      Tensor t = allocate(DType.I32, dims);
      t.segment().copyFrom(MemorySegment.ofArray(values));
      return t;
    }

    /** A tensor to be written by the kernel. */
    private Tensor allocate(DType dtype, long... dims) {
      long bytes = Math.max(1, new Tensor(0, dtype, dims).byteSize());
      MemorySegment host = arena.allocate(bytes, Workspace.ALIGNMENT_BYTES);
      Tensor t = new Tensor(backend.memory(host), dtype, dims);
      backend.hostWrites(t);
      return t;
    }

    private static void repeat(MemorySegment pattern, MemorySegment into, long bytes) {
      for (long at = 0; at < bytes; at += pattern.byteSize()) {
        MemorySegment.copy(pattern, 0, into, at, Math.min(pattern.byteSize(), bytes - at));
      }
    }
  }
}
