package dev.gyre.kernels;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.gyre.kernels.conformance.Conformance;
import dev.gyre.kernels.conformance.DeferredBackend;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The suite requires nothing of a backend's memory and timing that a device could not provide. */
class DeferredConformanceTest {
  /** Bad arguments are refused when a kernel is called, which this backend does only later. */
  @TestFactory
  Stream<DynamicTest> theSuiteRunsOnADevice() {
    DeferredBackend backend = new DeferredBackend();
    return Conformance.checks(Set.of(DType.BF16)).stream()
        .filter(check -> !check.name().startsWith("arguments are refused"))
        .filter(check -> check.name().matches(".*(17|33|calls|changed|extremes|awkward).*"))
        .map(check -> dynamicTest(check.name(), () -> check.run(backend)))
        .onClose(backend::close);
  }

  @Test
  void nothingIsComputedBeforeItIsAwaited() {
    try (Arena arena = Arena.ofConfined();
        DeferredBackend backend = new DeferredBackend()) {
      Tensor x = new Tensor(backend.memory(arena.allocate(8, 64)), DType.F32, 2);
      backend.kernels().fill(x, 3);
      assertEquals(0, second(x));
      backend.synchronize();
      assertEquals(Float.NaN, second(x), "computed, but not read");
      backend.hostReads(x.slice(1, 1));
      assertEquals(3, second(x));
    }
  }

  @Test
  void whatTheHostWritesIsSeenWhereItSaysSo() {
    try (Arena arena = Arena.ofConfined();
        DeferredBackend backend = new DeferredBackend()) {
      Tensor x = new Tensor(backend.memory(arena.allocate(8, 64)), DType.F32, 2);
      Tensor y = new Tensor(backend.memory(arena.allocate(8, 64)), DType.F32, 2);
      backend.hostWrites(x.slice(1, 1));
      x.segment().set(ValueLayout.JAVA_FLOAT, 4, 5);
      backend.kernels().copy(x, y);
      backend.hostReads(y);
      assertEquals(5, second(y));
      x.segment().set(ValueLayout.JAVA_FLOAT, 4, 6);
      backend.kernels().copy(x, y);
      backend.hostReads(y);
      assertEquals(5, second(y), "without hostWrites");
    }
  }

  private static float second(Tensor x) {
    return x.segment().get(ValueLayout.JAVA_FLOAT, 4);
  }

  @Test
  void memoryOfOthersIsRefused() {
    try (Arena arena = Arena.ofConfined();
        DeferredBackend backend = new DeferredBackend()) {
      Tensor others = Tensors.zeros(arena, DType.F32, 2);
      assertThrows(IllegalArgumentException.class, () -> backend.kernels().fill(others, 3));
      Tensor own = new Tensor(backend.memory(others.segment()), DType.F32, 2);
      assertEquals(Float.NaN, others.segment().get(ValueLayout.JAVA_FLOAT, 0));
      backend.kernels().fill(own, 3);
    }
  }
}
