package dev.gyre.kernels.torch;

import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.Device;
import dev.gyre.kernels.conformance.Conformance;
import java.util.ServiceLoader;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class TorchConformanceTest {
  private final BackendProvider provider =
      ServiceLoader.load(BackendProvider.class).stream()
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("torch"))
          .findFirst()
          .orElseThrow();
  private final BackendProbe.Available probe =
      assertInstanceOf(BackendProbe.Available.class, provider.probe());
  private Backend backend;
  private Backend blocks;
  private Backend mirrored;
  private final SimulatedLanes lanes = new SimulatedLanes(1, true);

  @BeforeAll
  void open() {
    backend = provider.open(1);
    blocks =
        TorchBackend.open(LibTorch.load(), 1, Device.CPU, new HostResidency(), (_, _) -> false);
    mirrored =
        TorchBackend.open(
            LibTorch.load(), 1, Device.CPU, new Mirrors(lanes), TorchAttention.Flashes.ON_CPU);
  }

  @AfterAll
  void close() {
    mirrored.close();
    blocks.close();
    backend.close();
  }

  /** No checks without a GPU: only a machine that has one can run them. */
  @TestFactory
  Stream<DynamicTest> meetsTheTwinOnAGpu() {
    Device gpu = Device.parse("cuda:0");
    if (!(provider.probe(gpu) instanceof BackendProbe.Available there)) {
      return Stream.empty();
    }
    Backend onGpu = provider.open(1, gpu);
    return Conformance.checks(there.dtypes()).stream()
        .map(check -> dynamicTest(check.name() + " on " + gpu, () -> check.run(onGpu)))
        .onClose(onGpu::close);
  }

  @TestFactory
  Stream<DynamicTest> meetsTheTwin() {
    return Conformance.checks(probe.dtypes()).stream()
        .map(check -> dynamicTest(check.name(), () -> check.run(backend)));
  }

  /**
   * Attention in blocks, as on a GPU where its flash operator does not apply: f32, and odd head
   * sizes.
   */
  @TestFactory
  Stream<DynamicTest> attentionInBlocksMeetsTheTwin() {
    return Conformance.checks(probe.dtypes()).stream()
        .filter(check -> check.name().startsWith("attention"))
        .map(check -> dynamicTest(check.name(), () -> check.run(blocks)));
  }

  /** As on a GPU: device memory has only what a kernel is declared to read; the rest is NaN. */
  @TestFactory
  Stream<DynamicTest> inMemoryOfItsOwnMeetsTheTwin() {
    return Conformance.checks(probe.dtypes()).stream()
        .map(check -> dynamicTest(check.name() + " mirrored", () -> check.run(mirrored)))
        .onClose(() -> assertTrue(lanes.uploadedBytes() > 0 && lanes.downloadedBytes() > 0));
  }
}
