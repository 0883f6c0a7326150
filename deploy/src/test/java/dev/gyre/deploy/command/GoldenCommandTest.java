package dev.gyre.deploy.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class GoldenCommandTest {
  private static final Path GOLDEN = Path.of(System.getProperty("gyre.golden.dir"));

  @TempDir Path folder;

  @Test
  void withinTolerance() {
    Cli ran = Cli.run("golden", GOLDEN.resolve("packed"), "--ring", 2, "--backend", "scalar");
    assertEquals(ExitCode.DONE.code(), ran.exit(), ran::toString);
    assertTrue(
        ran.out().startsWith("data-parallel 1, ring 2, ulysses 1, expert-parallel 2  scalar  f32"),
        ran::toString);
    assertTrue(ran.out().contains("gradient mixer.query"), ran::toString);
  }

  @Test
  void anySchedule() {
    Path packed = GOLDEN.resolve("packed");
    Cli ran =
        Cli.run("golden", packed, "--ring", 3, "--backend", "scalar", "--schedule", "balanced");
    assertEquals(ExitCode.DONE.code(), ran.exit(), ran::toString);
    assertTrue(ran.out().lines().findFirst().orElse("").endsWith("balanced"), ran::toString);
    Cli unknown = Cli.run("golden", packed, "--schedule", "star");
    assertEquals(ExitCode.BAD_JOB.code(), unknown.exit(), unknown::toString);
    assertTrue(
        unknown
            .err()
            .contains(
                "--schedule: 'star' must be one of auto, ring, allgather, balanced, tokenring"),
        unknown::toString);
  }

  @Test
  void outsideOfTolerance() throws IOException {
    Path packed = GOLDEN.resolve("packed");
    for (String file :
        List.of("config.json", "model.safetensors", "batch.safetensors", "expected.safetensors")) {
      Files.copy(packed.resolve(file), folder.resolve(file));
    }
    // Flip one of the exponent's bits of the last weight.
    Path weights = folder.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(weights);
    bytes[bytes.length - 1] ^= 0x02;
    Files.write(weights, bytes);
    Cli ran = Cli.run("golden", folder, "--backend", "scalar");
    assertEquals(ExitCode.DIFFERENT.code(), ran.exit(), ran::toString);
    assertTrue(ran.out().contains("FAIL"), ran::toString);
  }

  @Test
  void aMeshThatCannotBe() {
    Path packed = GOLDEN.resolve("packed");
    Cli heads = Cli.run("golden", packed, "--ulysses", 16);
    assertEquals(ExitCode.BAD_JOB.code(), heads.exit(), heads::toString);
    assertTrue(heads.err().contains("query heads"), heads::toString);
    Cli experts = Cli.run("golden", packed, "--ring", 2, "--expert-parallel", 3);
    assertEquals(ExitCode.BAD_JOB.code(), experts.exit(), experts::toString);
    assertTrue(experts.err().contains("does not divide the 2 workers"), experts::toString);
    Cli backend = Cli.run("golden", packed, "--backend", "abacus");
    assertEquals(ExitCode.BAD_JOB.code(), backend.exit(), backend::toString);
    assertTrue(backend.err().contains("scalar ("), backend::toString);
  }
}
