package dev.gyre.kernels.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assumptions.assumeTrue;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.BackendProbe;
import dev.gyre.kernels.BackendProvider;
import dev.gyre.kernels.DType;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Tensors;
import dev.gyre.kernels.conformance.Conformance;
import dev.gyre.kernels.conformance.ThreadChecks;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.ServiceLoader;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.TestInstance;

@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OneDnnConformanceTest {
  private final BackendProvider provider =
      ServiceLoader.load(BackendProvider.class).stream()
          .map(ServiceLoader.Provider::get)
          .filter(p -> p.name().equals("onednn"))
          .findFirst()
          .orElseThrow();
  private final BackendProbe.Available probe =
      assertInstanceOf(BackendProbe.Available.class, provider.probe());
  private Backend backend;

  @BeforeAll
  void open() {
    backend = provider.open(1);
  }

  @AfterAll
  void close() {
    backend.close();
  }

  @TestFactory
  Stream<DynamicTest> meetsTheTwin() {
    return Conformance.checks(probe.dtypes()).stream()
        .map(check -> dynamicTest(check.name(), () -> check.run(backend)));
  }

  /** oneDNN chooses kernels by shape, so a part of a linear may be summed in another order. */
  @Test
  void severalThreadsGiveTheBitsOfOneInAttention() {
    for (DType dtype : probe.dtypes()) {
      ThreadChecks.run(provider, dtype, true);
    }
  }

  /**
   * A thread started by OpenMP would have the name of the thread that called it. So each thread
   * name must occur only once, both for a backend with one thread and for one with several.
   */
  @Test
  void openMpStartsNoThread() throws Exception {
    Path tasks = Path.of("/proc/self/task");
    assumeTrue(Files.isDirectory(tasks), "no list of this process's threads");
    for (int threads = 1; threads <= 2; threads++) {
      int count = threads;
      CompletableFuture<Map<String, Long>> names = new CompletableFuture<>();
      Thread caller =
          Thread.ofPlatform()
              .name("one-caller")
              .start(
                  () -> {
                    try (Backend several = provider.open(count);
                        Arena arena = Arena.ofShared()) {
                      Tensor x = Tensors.zeros(arena, DType.F32, 1024, 512);
                      Tensor w = Tensors.zeros(arena, DType.F32, 512, 512);
                      Tensor y = Tensors.zeros(arena, DType.F32, 1024, 512);
                      several.kernels().linear(x, w, y, false);
                      several.kernels().linearBackwardWeight(y, x, w);
                      names.complete(threadNames(tasks));
                    } catch (Throwable t) {
                      names.completeExceptionally(t);
                    }
                  });
      Map<String, Long> found = names.get(60, TimeUnit.SECONDS);
      caller.join();
      assertEquals(1, found.get("one-caller"), found::toString);
      assertEquals(count == 1 ? null : 1L, found.get("kernel-1"), found::toString);
    }
  }

  private static Map<String, Long> threadNames(Path tasks) throws IOException {
    try (Stream<Path> all = Files.list(tasks)) {
      return all.map(OneDnnConformanceTest::nameOf)
          .collect(Collectors.groupingBy(name -> name, Collectors.counting()));
    }
  }

  private static String nameOf(Path task) {
    try {
      return Files.readString(task.resolve("comm")).strip();
    } catch (IOException ended) {
      return "ended meanwhile";
    }
  }
}
