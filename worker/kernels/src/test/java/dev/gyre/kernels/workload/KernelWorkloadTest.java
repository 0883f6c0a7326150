package dev.gyre.kernels.workload;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.conformance.DeferredBackend;
import dev.gyre.kernels.scalar.ScalarBackendProvider;
import java.lang.foreign.Arena;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class KernelWorkloadTest {
  private static final Sizes TINY =
      new Sizes(
          new Sizes.Product(5, 6, 7),
          new Sizes.Attention(9, 4, 2, 4),
          6,
          8,
          3,
          2,
          new Sizes.Product(7, 4, 5),
          3,
          11,
          13);

  @Test
  void everyKernelHasOne() {
    TreeSet<String> kernels = new TreeSet<>();
    for (Method method : Kernels.class.getMethods()) {
      kernels.add(method.getName());
    }
    TreeSet<String> workloads = new TreeSet<>();
    for (KernelWorkload each : KernelWorkload.values()) {
      workloads.add(each.kernel());
    }
    assertEquals(kernels, workloads);
  }

  @ParameterizedTest
  @EnumSource
  void callsItsKernelOnOperandsItAccepts(KernelWorkload each) {
    for (DType dtype : List.of(DType.F32, DType.BF16)) {
      try (Arena arena = Arena.ofConfined();
          Backend scalar = new ScalarBackendProvider().open(1)) {
        List<String> called = new ArrayList<>();
        Backend watched = watched(scalar, called);
        Workload workload = each.open(Operands.in(arena, watched, dtype), TINY);
        called.clear();
        workload.call().run();
        workload.call().run();
        called.removeIf(name -> name.equals("fill") && !each.kernel().equals("fill"));
        assertEquals(List.of(each.kernel(), each.kernel()), called);
        assertTrue(workload.amount() > 0 && workload.bytes() > 0);
        assertFalse(workload.shape().isEmpty());
        Workload described = each.describe(dtype, TINY);
        assertEquals(
            List.of(workload.shape(), workload.flops(), workload.bytes()),
            List.of(described.shape(), described.flops(), described.bytes()));
      }
    }
  }

  @Test
  void countsProductsAsThePapersDo() {
    try (Arena arena = Arena.ofConfined();
        Backend scalar = new ScalarBackendProvider().open(1)) {
      Operands operands = Operands.in(arena, scalar, DType.BF16);
      assertEquals(2.0 * 5 * 6 * 7, KernelWorkload.LINEAR.open(operands, TINY).flops());
      assertEquals(2.0 * (30 + 42 + 35), KernelWorkload.LINEAR.open(operands, TINY).bytes());
      double forward = 2.0 * 9 * 9 * 4 * 4;
      assertEquals(forward, KernelWorkload.ATTENTION.open(operands, TINY).flops());
      assertEquals(2.5 * forward, KernelWorkload.ATTENTION_BACKWARD.open(operands, TINY).flops());
      // w, m and v read and written, the gradient read.
      assertEquals(7.0 * 13 * 4, KernelWorkload.ADAM_W.open(operands, TINY).amount());
    }
  }

  /** As in calibration on a device with its own memory. */
  @ParameterizedTest
  @EnumSource
  void itsOperandsLieInTheBackendsMemory(KernelWorkload each) {
    try (Arena arena = Arena.ofConfined();
        Backend deferred = new DeferredBackend()) {
      each.open(Operands.in(arena, deferred, DType.BF16), TINY).call().run();
      deferred.synchronize();
    }
  }

  @Test
  void timesCrossProcessesAsALine() {
    ForkTimes times =
        new ForkTimes("rope", "6×8", 0, 1.5e9, List.of(0.1, 1 / 3.0), List.of(0.1, 0.2));
    assertEquals(times, ForkTimes.parse(times.line()));
    assertThrows(IllegalArgumentException.class, () -> ForkTimes.parse("rope\t6×8\t0\t1\t2"));
  }

  private static Backend watched(Backend backend, List<String> called) {
    return backend.withKernels(
        KernelCall.receivedBy(
            call -> {
              called.add(call.kernel());
              call.on(backend.kernels());
            }));
  }
}
