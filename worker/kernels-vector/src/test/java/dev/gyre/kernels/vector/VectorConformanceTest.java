package dev.gyre.kernels.vector;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.conformance.Conformance;
import dev.gyre.kernels.conformance.ThreadChecks;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class VectorConformanceTest {
  private final BackendProvider provider =
      ServiceLoader.load(BackendProvider.class).stream()
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("vector"))
          .findFirst()
          .orElseThrow();
  private final BackendProbe.Available probe = (BackendProbe.Available) provider.probe();
  private final Backend backend = provider.open(1);

  @AfterAll
  void close() {
    backend.close();
  }

  @TestFactory
  Stream<DynamicTest> agreesWithTheScalarTwin() {
    return Conformance.checks(probe.dtypes()).stream()
        .map(check -> dynamicTest(check.name(), () -> check.run(backend)));
  }

  @Test
  void severalThreadsGiveTheBitsOfOne() {
    for (DType dtype : probe.dtypes()) {
      ThreadChecks.run(provider, dtype, false);
    }
  }

  @Test
  void probeNamesTheVectors() {
    assertEquals(
        System.getProperty("os.arch") + " " + Simd.LANES * 32 + "-bit vectors",
        probe.instructionSet());
  }

  @Test
  void opensWithAtLeastOneThread() {
    assertThrows(IllegalArgumentException.class, () -> provider.open(0));
  }
}
