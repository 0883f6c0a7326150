package dev.gyre.kernels.conformance;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * One run of a check's body: the tensors it makes, the kernels it calls, the outputs it names.
 *
 * <p>Every tensor lies between two guards of {@value #GUARD_BYTES} bytes. Two of three tensors are
 * off the 64-byte alignment by one element, as slices of larger tensors are.
 */
final class Case implements AutoCloseable {
  private static final int GUARD_BYTES = 128;
  private static final byte GUARD = 0x5b;

  /** One rounding to BF16 may fall to either side: 2⁻⁸ each way of the true value. */
  private static final double BF16_ULP = 1.0 / 128;

  /**
   * An output and how far it may be off: |actual − expected| ≤ bound · (largest finite |expected|)
   * plus, for BF16, one unit in the last place. A negative bound asks for equal bits.
   */
  private record Output(String name, Tensor tensor, double bound) {}

  private record Input(MemorySegment memory, byte[] before) {}

  private final Arena arena = Arena.ofShared();
  private final Backend backend;
  private final boolean reference;
  private final DType dtype;
  private final Random random;
  private final List<Output> outputs = new ArrayList<>();
  private final List<Input> inputs = new ArrayList<>();
  private final List<MemorySegment> guards = new ArrayList<>();
  private final List<Tensor> slabs = new ArrayList<>();
  private final Kernels twin = ScalarKernels.create();

  Case(Backend backend, boolean reference, DType dtype, long seed) {
    this.backend = backend;
    this.reference = reference;
    this.dtype = dtype;
    this.random = new Random(seed);
  }

  /** The kernels under test, or the twin's when this run is the reference. */
  Kernels kernels() {
    return backend.kernels();
  }

  /** The twin's kernels in every run, for inputs that must be the same bits in all of them. */
  Kernels twin() {
    return twin;
  }

  /** To be called before the host changes a tensor that was passed to kernels. */
  void hostWrites(Tensor t) {
    backend.hostWrites(t);
  }

  /** To be called before verifying: brings all that kernels wrote to the host. */
  void finish() {
    slabs.forEach(backend::hostReads);
  }

  boolean reference() {
    return reference;
  }

  /** The compute dtype. */
  DType dtype() {
    return dtype;
  }

  Random random() {
    return random;
  }

  /** Standard normal values times {@code deviation}. */
  Tensor normal(DType type, double deviation, long... dims) {
    Tensor t = allocate(type, dims);
    float[] values = new float[(int) t.elements()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (random.nextGaussian() * deviation);
    }
    return write(t, values);
  }

  Tensor of(DType type, float[] values, long... dims) {
    return write(allocate(type, dims), values);
  }

  Tensor filled(DType type, float value, long... dims) {
    Tensor t = allocate(type, dims);
    float[] values = new float[(int) t.elements()];
    Arrays.fill(values, value);
    return write(t, values);
  }

  Tensor ints(int[] values, long... dims) {
    Tensor t = allocate(DType.I32, dims);
    try (Arena temporary = Arena.ofConfined()) {
      t.segment().copyFrom(Tensors.ofInts(temporary, values, dims).segment());
    }
    return t;
  }

  private static Tensor write(Tensor t, float[] values) {
    try (Arena temporary = Arena.ofConfined()) {
      t.segment().copyFrom(Tensors.of(temporary, t.dtype(), values, values.length).segment());
    }
    return t;
  }

  private Tensor allocate(DType type, long... dims) {
    long bytes = new Tensor(0, type, dims).byteSize();
    long shift = guards.size() % 3 == 0 ? 0 : type.bytes();
    MemorySegment all = memory(bytes + 2 * GUARD_BYTES + shift);
    all.fill(GUARD);
    MemorySegment memory = all.asSlice(GUARD_BYTES + shift, bytes);
    guards.add(all.asSlice(0, GUARD_BYTES + shift));
    guards.add(all.asSlice(GUARD_BYTES + shift + bytes));
    return Tensor.of(memory, type, dims);
  }

  /** Memory of the backend, whose kernels can access no other; the host will write it. */
  private MemorySegment memory(long bytes) {
    MemorySegment host = arena.allocate(bytes, Workspace.ALIGNMENT_BYTES);
    Tensor slab = new Tensor(backend.memory(host), DType.BF16, bytes / DType.BF16.bytes());
    slabs.add(slab);
    backend.hostWrites(slab);
    return slab.segment();
  }

  /** Declares that the tensor must not change from here on, and returns it. */
  Tensor input(Tensor t) {
    MemorySegment memory = t.segment();
    inputs.add(new Input(memory, memory.toArray(ValueLayout.JAVA_BYTE)));
    return t;
  }

  void output(String name, Tensor t, double bound) {
    outputs.add(new Output(name, t, bound));
  }

  /** The output must have exactly the twin's bits (any NaN equals any NaN). */
  void exactOutput(String name, Tensor t) {
    outputs.add(new Output(name, t, -1));
  }

  void verifyUntouched(String check) {
    for (MemorySegment guard : guards) {
      for (byte b : guard.toArray(ValueLayout.JAVA_BYTE)) {
        if (b != GUARD) {
          throw new AssertionError(check + ": wrote outside a tensor");
        }
      }
    }
    for (Input input : inputs) {
      if (input.memory.mismatch(MemorySegment.ofArray(input.before)) != -1) {
        throw new AssertionError(check + ": changed an input");
      }
    }
  }

  void verifyClose(String check, Case expected) {
    for (int n = 0; n < outputs.size(); n++) {
      Output actual = outputs.get(n);
      Tensor wanted = expected.outputs.get(n).tensor;
      String where = check + ": " + actual.name;
      if (actual.tensor.dtype() == DType.I32) {
        verifyIntegers(where, wanted, actual.tensor);
      } else {
        verifyFloats(where, wanted, actual);
      }
    }
  }

  private static void verifyIntegers(String where, Tensor wanted, Tensor actual) {
    long[] e = Tensors.toLongs(wanted);
    long[] a = Tensors.toLongs(actual);
    for (int i = 0; i < e.length; i++) {
      if (a[i] != e[i]) {
        throw new AssertionError("%s[%d] is %d, wanted %d".formatted(where, i, a[i], e[i]));
      }
    }
  }

  private static void verifyFloats(String where, Tensor wanted, Output actual) {
    double[] e = Tensors.toDoubles(wanted);
    double[] a = Tensors.toDoubles(actual.tensor);
    double largest = 0;
    for (double value : e) {
      largest = Double.isFinite(value) ? Math.max(largest, Math.abs(value)) : largest;
    }
    double ulp = wanted.dtype() == DType.BF16 ? BF16_ULP : 0;
    for (int i = 0; i < e.length; i++) {
      double allowed = actual.bound < 0 ? 0 : actual.bound * largest + ulp * Math.abs(e[i]);
      boolean same = Double.compare(a[i], e[i]) == 0; // infinities, NaN
      if (!same && (actual.bound < 0 || !(Math.abs(a[i] - e[i]) <= allowed))) {
        throw new AssertionError(
            "%s[%d] is %s, wanted %s within %.3g (largest of %d values %.3g)"
                .formatted(where, i, a[i], e[i], allowed, e.length, largest));
      }
    }
  }

  void verifySameBits(String check, Case again) {
    for (int n = 0; n < outputs.size(); n++) {
      MemorySegment first = outputs.get(n).tensor.segment();
      long at = first.mismatch(again.outputs.get(n).tensor.segment());
      if (at >= 0) {
        throw new AssertionError(
            check + ": " + outputs.get(n).name + ": a rerun gave other bits at byte " + at);
      }
    }
  }

  @Override
  public void close() {
    arena.close();
  }
}
