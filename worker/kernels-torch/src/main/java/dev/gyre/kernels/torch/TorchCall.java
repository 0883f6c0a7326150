package dev.gyre.kernels.torch;

import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.Function;
import org.bytedeco.pytorch.IValue;
import org.bytedeco.pytorch.IValueVector;
import org.bytedeco.pytorch.TensorOptions;
import org.bytedeco.pytorch.global.torch;

/**
 * The arguments of one call of a compiled function, then the call. Made anew for each; closing it
 * frees every native object it made. Tensors wrap their addresses: nothing is copied here.
 */
final class TorchCall implements AutoCloseable {
  private final Wrapping wrapping;
  private final PointerScope scope = new PointerScope();
  private final IValueVector stack = new IValueVector();
  private final List<Residency.Operand> operands = new ArrayList<>();
  private int intsUsed;

  TorchCall(Wrapping wrapping) {
    this.wrapping = wrapping;
  }

  TorchCall read(Tensor t) {
    return operand(t, Residency.Access.READ);
  }

  /** The function writes every element. */
  TorchCall overwrite(Tensor t) {
    return operand(t, Residency.Access.OVERWRITE);
  }

  /** The function adds to it, or writes only some of it. */
  TorchCall update(Tensor t) {
    return operand(t, Residency.Access.UPDATE);
  }

  /** The function adds to it, or writes every element. */
  TorchCall result(Tensor t, boolean accumulate) {
    return accumulate ? update(t) : overwrite(t);
  }

  private TorchCall operand(Tensor t, Residency.Access access) {
    operands.add(new Residency.Operand(t, access));
    push(new IValue(wrapping.tensor(t)));
    return this;
  }

  /** A list of integers: as an int64 tensor in host memory, for TorchScript's {@code tolist}. */
  TorchCall ints(int[] values) {
    push(new IValue(wrapping.ints(values, intsUsed)));
    intsUsed += values.length;
    return this;
  }

  /** A list of real numbers: as a float64 tensor in host memory. */
  TorchCall reals(double[] values) {
    push(new IValue(wrapping.reals(values, intsUsed)));
    intsUsed += values.length;
    return this;
  }

  /** A tensor that is none, where an operator takes that for an absent one. */
  TorchCall undefined() {
    push(new IValue(new org.bytedeco.pytorch.Tensor()));
    return this;
  }

  TorchCall real(double value) {
    push(new IValue(value));
    return this;
  }

  TorchCall integer(long value) {
    push(new IValue(value));
    return this;
  }

  TorchCall flag(boolean value) {
    push(new IValue(value));
    return this;
  }

  private void push(IValue value) {
    stack.push_back(value);
  }

  /**
   * Runs it; on a GPU, starts it.
   *
   * @throws TorchException with libtorch's message
   */
  void run(Function function) {
    // A setting of the calling thread. The optimizer would trade start-up time and, on a GPU, bits
    // for fewer launches: the second call of a function would differ from the first.
    torch.setGraphExecutorOptimize(false);
    wrapping.residency.before(operands);
    try {
      function.run(stack);
    } catch (RuntimeException e) {
      throw new TorchException(firstWords(String.valueOf(e.getMessage())), e);
    }
    wrapping.residency.after(operands);
  }

  /** Without the C++ stack that libtorch appends. */
  private static String firstWords(String message) {
    int trace = message.indexOf("Exception raised from");
    return (trace < 0 ? message : message.substring(0, trace)).strip();
  }

  @Override
  public void close() {
    stack.close();
    scope.close();
  }

  /** Makes libtorch's tensors of one device. Belongs to a backend; used by one call at a time. */
  static final class Wrapping implements AutoCloseable {
    /** Most integers of one call: a list of experts' offsets, and some. */
    private long capacity = 1 << 10;

    private final Residency residency;
    private final Address address = new Address();
    private final Map<DType, TensorOptions> options = new EnumMap<>(DType.class);
    private final TensorOptions hostInts;
    private final TensorOptions hostReals;
    private Arena arena = Arena.ofShared();
    private MemorySegment ints = arena.allocate(capacity * Long.BYTES, Long.BYTES);

    /**
     * @param device which computes
     * @param residency where it finds tensors; stays the caller's
     */
    Wrapping(org.bytedeco.pytorch.Device device, Residency residency) {
      this.residency = residency;
      for (DType type : DType.values()) {
        options.put(
            type,
            new TensorOptions(device).dtype(new org.bytedeco.pytorch.ScalarTypeOptional(of(type))));
      }
      hostInts = new TensorOptions(torch.ScalarType.Long);
      hostReals = new TensorOptions(torch.ScalarType.Double);
    }

    private static torch.ScalarType of(DType type) {
      return switch (type) {
        case F32 -> torch.ScalarType.Float;
        case BF16 -> torch.ScalarType.BFloat16;
        case F64 -> torch.ScalarType.Double;
        case I32 -> torch.ScalarType.Int;
        case I64 -> torch.ScalarType.Long;
      };
    }

    org.bytedeco.pytorch.Tensor tensor(Tensor t) {
      long[] dims = new long[t.rank()];
      for (int i = 0; i < dims.length; i++) {
        dims[i] = t.dim(i);
      }
      return torch.from_blob(
          address.at(residency.address(t)), dims, Objects.requireNonNull(options.get(t.dtype())));
    }

    org.bytedeco.pytorch.Tensor ints(int[] values, int from) {
      if (from + values.length > capacity) {
        grow(from + values.length);
      }
      for (int i = 0; i < values.length; i++) {
        ints.setAtIndex(ValueLayout.JAVA_LONG, from + i, values[i]);
      }
      long[] dims = {values.length};
      return torch.from_blob(address.at(ints.address() + (long) from * Long.BYTES), dims, hostInts);
    }

    /** Between the integers of the same call, which are as wide. */
    org.bytedeco.pytorch.Tensor reals(double[] values, int from) {
      if (from + values.length > capacity) {
        grow(from + values.length);
      }
      for (int i = 0; i < values.length; i++) {
        ints.setAtIndex(ValueLayout.JAVA_DOUBLE, from + i, values[i]);
      }
      long[] dims = {values.length};
      return torch.from_blob(
          address.at(ints.address() + (long) from * Double.BYTES), dims, hostReals);
    }

    /** Lists of the same call made before stay readable until the backend is closed. */
    private void grow(long needed) {
      while (capacity < needed) {
        capacity *= 2;
      }
      ints = arena.allocate(capacity * Long.BYTES, Long.BYTES);
    }

    @Override
    public void close() {
      options.values().forEach(TensorOptions::close);
      hostInts.close();
      hostReals.close();
      arena.close();
    }
  }
}
