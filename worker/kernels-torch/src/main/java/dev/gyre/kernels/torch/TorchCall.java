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
 * Collects the arguments of one call of a compiled function, and runs it. Closing it frees every
 * native object it created. Tensors wrap addresses, without copies.
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

  /** The function accumulates into it, or writes only some of its elements. */
  TorchCall update(Tensor t) {
    return operand(t, Residency.Access.UPDATE);
  }

  /** The function accumulates into it, or writes every element. */
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

  /** An undefined tensor, which operators treat as an absent argument. */
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
   * Runs the function; on a GPU, launches it.
   *
   * @throws TorchException with libtorch's message
   */
  void run(Function function) {
    // A setting of the calling thread. TorchScript's optimizer would reduce launches, but costs
    // start-up time, and on a GPU the second call of a function would differ in bits from the
    // first.
    torch.setGraphExecutorOptimize(false);
    wrapping.residency.before(operands);
    try {
      function.run(stack);
    } catch (RuntimeException e) {
      throw new TorchException(firstWords(String.valueOf(e.getMessage())), e);
    }
    wrapping.residency.after(operands);
  }

  /** The message without the C++ stack trace that libtorch appends. */
  private static String firstWords(String message) {
    int trace = message.indexOf("Exception raised from");
    return (trace < 0 ? message : message.substring(0, trace)).strip();
  }

  @Override
  public void close() {
    stack.close();
    scope.close();
  }

  /** Creates libtorch tensors of one device. Owned by a backend; used by one call at a time. */
  static final class Wrapping implements AutoCloseable {
    /** Capacity in integers: more than the lists of experts' offsets of one call. */
    private long capacity = 1 << 10;

    private final Residency residency;
    private final Address address = new Address();
    private final Map<DType, TensorOptions> options = new EnumMap<>(DType.class);
    private final TensorOptions hostInts;
    private final TensorOptions hostReals;
    private Arena arena = Arena.ofShared();
    private MemorySegment ints = arena.allocate(capacity * Long.BYTES, Long.BYTES);

    /**
     * @param device of the tensors
     * @param residency location of tensors; closed by the caller
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

    /** Stored in the same buffer as the integers of the call, which have the same width. */
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

    /** Earlier lists of the same call stay valid until the backend is closed. */
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
