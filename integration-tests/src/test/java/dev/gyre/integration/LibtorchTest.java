package dev.gyre.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.trainer.worker.Backends;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code backend: torch} and {@code device}, from the command line to the last step. */
final class LibtorchTest {
  private static final int BAD_JOB = 64;
  private static final int STEPS = 5;

  @TempDir private static Path folder;

  private static Workplace place(String name) throws Exception {
    return Workplace.in(Files.createDirectories(folder.resolve(name)));
  }

  private static void assumeLibtorch() {
    assumeTrue(
        Backends.all().stream()
            .anyMatch(p -> p.getClass().getName().startsWith("dev.gyre.kernels.torch.")),
        "built without -Ptorch");
  }

  @Test
  void twoWorkersOnTorchTrainWhatOneWithoutItDoes() throws Exception {
    assumeLibtorch();
    Workplace at = place("two");
    Gyre.Ended vector = at.train("--workers", "1");
    assertEquals(0, vector.exit(), vector.output());
    List<String> ring = at.arguments("--ring", "2", "--expert-parallel", "2", "--backend", "torch");
    // Both workers and the launcher start before the native library is unpacked.
    List<String> afresh = List.of("env", "GYRE_CACHE=" + folder.resolve("cache"));
    Gyre.Ended torch = Gyre.runWithLibtorch(at.folder(), afresh, ring);
    assertEquals(0, torch.exit(), torch.output());
    Says.all(torch, "backend torch  f32  ");
    Trained.assertEqualWithin(Trained.of(at.run(1), STEPS), Trained.of(at.run(2), STEPS));
  }

  @Test
  void withoutLibtorchTheCommandThatBringsItIsNamed() throws Exception {
    Gyre.Ended ended = place("absent").train("--workers", "1", "--backend", "torch");
    Says.all(ended, "backend", "'torch' cannot be used here", "./gyre train --backend torch");
    assertEquals(BAD_JOB, ended.exit(), ended.output());
  }

  @Test
  void aGpuIsForTorchOnly() throws Exception {
    Gyre.Ended ended = place("vector").train("--workers", "1", "--device", "cuda:0");
    Says.all(ended, "device", "'cuda:0' needs backend torch", "'vector'", "device: cpu");
    assertEquals(BAD_JOB, ended.exit(), ended.output());
  }

  @Test
  void aGpuThatIsNotThereIsRefusedBeforeAnythingStarts() throws Exception {
    assumeLibtorch();
    Workplace at = place("gpu");
    List<String> arguments =
        at.arguments("--workers", "1", "--backend", "torch", "--device", "cuda:99");
    Gyre.Ended ended = Gyre.runWithLibtorch(at.folder(), List.of(), arguments);
    Says.all(ended, "'torch' cannot be used here", "cuda:99");
    assertEquals(BAD_JOB, ended.exit(), ended.output());
  }
}
