package dev.gyre.kernels.scalar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.conformance.Check;
import dev.gyre.kernels.conformance.Conformance;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.ServiceLoader;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ScalarConformanceTest {
  private static final Set<DType> BOTH = Set.of(DType.F32, DType.BF16);

  @Test
  void serviceLoaderFindsTheScalarBackendAndItPasses() {
    BackendProvider provider =
        ServiceLoader.load(BackendProvider.class).stream()
            .map(ServiceLoader.Provider::get)
            .filter(p -> p.name().equals("scalar"))
            .findFirst()
            .orElseThrow();
    try (Backend backend = provider.open(1)) {
      for (Check check : Conformance.checks(BOTH)) {
        check.run(backend);
      }
    }
  }

  @Test
  void namesAreUnique() {
    List<String> names = new ArrayList<>();
    Conformance.checks(BOTH).forEach(c -> names.add(c.name()));
    assertEquals(new HashSet<>(names).size(), names.size());
  }

  /** A backend whose kernel does nothing must fail some check, for every kernel there is. */
  @Test
  void everyKernelLeftOutIsCaught() {
    List<Check> checks = Conformance.checks(Set.of(DType.F32));
    for (var method : Kernels.class.getMethods()) {
      Kernels without = without(method.getName());
      assertTrue(
          checks.stream()
              .filter(c -> c.name().contains(stem(method.getName())))
              .anyMatch(c -> fails(c, without)),
          method.getName() + " may do nothing, and no check fails");
    }
  }

  private static String stem(String kernel) {
    return switch (kernel) {
      case "gatherRows", "scatterAddRows" -> "gather scatter";
      case "sumSquares" -> "sum";
      case "ropeTable" -> "rope";
      case "groupedLinearBackwardInput", "groupedLinearBackwardWeight" -> "groupedLinear";
      case "routeTopKBackward" -> "routeTopK";
      case "combineRowsBackward" -> "combineRows";
      case "swigluBackward" -> "swiglu";
      case "siluBackward" -> "silu";
      case "addBiasBackward" -> "addBias";
      case "clampBackward" -> "clamp";
      case "swigluClampedBackward" -> "swigluClamped";
      case "attentionSinksBackward" -> "attentionSinks";
      case "routeGroupsBackward" -> "routeGroups";
      default -> kernel;
    };
  }

  private static boolean fails(Check check, Kernels kernels) {
    try {
      check.run(new ScalarBackend(kernels));
      return false;
    } catch (AssertionError caught) {
      return true;
    }
  }

  private static Kernels without(String name) {
    Kernels scalar = ScalarKernels.create();
    return KernelCall.receivedBy(
        call -> {
          if (!call.kernel().equals(name)) {
            call.on(scalar);
          }
        });
  }

  @Test
  void opensWithAtLeastOneThread() {
    assertThrows(IllegalArgumentException.class, () -> new ScalarBackendProvider().open(0));
  }
}
