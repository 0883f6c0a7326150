package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.kernels.BackendProvider;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A kernel that the JIT compiled badly, in processes started from the command line. */
final class SlowKernelTest {
  @TempDir Path folder;

  private Workplace place;
  private Path slowProcesses;
  private Path cache;
  private String classPath = "";

  @BeforeEach
  void prepare() throws IOException {
    place = Workplace.in(folder);
    slowProcesses = Files.createDirectory(folder.resolve("slow"));
    cache = folder.resolve("cache");
    Path services = folder.resolve("providers/META-INF/services");
    Files.createDirectories(services);
    Files.writeString(
        services.resolve(BackendProvider.class.getName()), SlowVectorProvider.class.getName());
    classPath =
        System.getProperty("java.class.path") + File.pathSeparator + folder.resolve("providers");
  }

  private Gyre.Ended train(int slow) throws Exception {
    return train(slow, 2);
  }

  private Gyre.Ended train(int slow, int steps) throws Exception {
    for (int i = 0; i < slow; i++) {
      Files.createFile(slowProcesses.resolve("process-" + i));
    }
    Map<String, String> environment =
        Map.of(SlowVectorProvider.FOLDER, slowProcesses.toString(), "GYRE_CACHE", cache.toString());
    List<String> env = new ArrayList<>(List.of("env"));
    environment.forEach((name, value) -> env.add(name + "=" + value));
    List<String> arguments =
        place.arguments("--ring", "2", "--backend", "vector", "--set", "train.steps=" + steps);
    try (Gyre gyre = Gyre.start(place.folder(), env, classPath, arguments)) {
      return gyre.await();
    }
  }

  /** Nothing is measured before the start then. */
  @Test
  void withStoredRatesStepsThatTakeFarTooLongShowIt() throws Exception {
    assertEquals(0, train(0).exit());
    Gyre.Ended ended = train(4, 100);
    assertEquals(75, ended.exit(), ended.output());
    Says.all(
        ended, "gyre: rank ", "measuring kernels", "kernel " + SlowVectorProvider.KERNEL, "GB/s");
    String log = Files.readString(place.run(2).resolve("log.txt"));
    assertTrue(log.contains("by an earlier run"), log);
    assertEquals(List.of(), place.sharedMemory());
  }

  private boolean remembered() throws IOException {
    Path rates = cache.resolve("rates");
    if (!Files.isDirectory(rates)) {
      return false;
    }
    try (var files = Files.list(rates)) {
      return files.findAny().isPresent();
    }
  }

  @Test
  void theWorkerThatMetItIsStartedOnceMore() throws Exception {
    Gyre.Ended ended = train(1);
    assertEquals(0, ended.exit(), ended.output());
    Says.all(ended, "restarting the worker process once");
    String log = Files.readString(place.run(1).resolve("log.txt"));
    assertTrue(log.contains("kernel " + SlowVectorProvider.KERNEL + " runs at"), log);
    // The replacement is measured, too, though its peer has stored rates by then.
    assertFalse(log.contains("by an earlier run"), log);
    assertTrue(log.contains("backend vector") && log.contains("calibrated vector"), log);
    assertTrue(remembered());
  }

  @Test
  void aSecondSlowProcessEndsTheRunByTheKernelsName() throws Exception {
    Gyre.Ended ended = train(4);
    assertEquals(75, ended.exit(), ended.output());
    Says.all(ended, "gyre: rank ", "kernel " + SlowVectorProvider.KERNEL, "GB/s", "gyre doctor");
    assertFalse(ended.output().contains("\n     1 "), "a step was run:\n" + ended.output());
    assertFalse(remembered());
    assertEquals(List.of(), place.sharedMemory());
  }
}
