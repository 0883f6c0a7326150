package dev.gyre.deploy.command.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.deploy.bench.KernelResult;
import dev.gyre.deploy.bench.KernelsBench;
import dev.gyre.kernels.Device;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class BenchKernelsCommandTest {
  private static KernelsBench bench(String... args) {
    BenchKernelsCommand command = new BenchKernelsCommand();
    new CommandLine(command).parseArgs(args);
    return command.bench();
  }

  @Test
  void optionsSayWhatIsMeasured() {
    assertEquals(
        new KernelsBench("vector", Device.CPU, "f32", List.of("rope", "adamW"), 5, true),
        bench("--backend=vector", "--dtype=f32", "--kernel=rope,adamW", "--forks=5", "--long"));
    assertEquals(3, bench().forks());
    assertEquals(List.of(), bench().kernels());
  }

  @Test
  void withoutADtypeTheBackendsOwnIsTaken() {
    assertEquals("f32", bench("--backend", "scalar").dtype());
  }

  @Test
  void whatCannotBeIsNamed() {
    assertRefused("--forks 0", "--forks", "0");
    assertRefused("attentionBackward", "--kernel", "attentionBackwards");
    assertRefused("--backend cuda", "--backend", "cuda");
    assertRefused("vector computes on the CPU only", "--backend=vector", "--device=cuda:0");
  }

  private static void assertRefused(String named, String... args) {
    RuntimeException refused = assertThrows(RuntimeException.class, () -> bench(args));
    assertEquals(ExitCode.BAD_JOB, Cli.exitOf(refused));
    assertTrue(String.valueOf(refused.getMessage()).contains(named), refused.getMessage());
  }

  private static KernelResult result(String kernel, List<Integer> slowForks) {
    List<Double> forks = List.of(0.001, 0.5);
    return new KernelResult(
        kernel, "8×8", "vector", "cpu", "f32", 0.001, 1.0, 0.5, null, null, 1, forks, forks,
        slowForks, "AVX2", "a cpu");
  }

  @Test
  void aSlowForkIsNamedAndFailsTheCommand() {
    PrintStream err = System.err;
    ByteArrayOutputStream said = new ByteArrayOutputStream();
    try (PrintStream to = new PrintStream(said, true, StandardCharsets.UTF_8)) {
      System.setErr(to);
      assertEquals(ExitCode.DONE, BenchKernelsCommand.verdict(List.of(result("rope", List.of()))));
      assertEquals(0, said.size());
      assertEquals(
          ExitCode.DIFFERENT,
          BenchKernelsCommand.verdict(
              List.of(result("rope", List.of()), result("swiglu", List.of(2)))));
    } finally {
      System.setErr(err);
    }
    String text = said.toString(StandardCharsets.UTF_8);
    assertTrue(text.contains("swiglu") && text.contains("fork 2") && !text.contains("rope"), text);
  }
}
