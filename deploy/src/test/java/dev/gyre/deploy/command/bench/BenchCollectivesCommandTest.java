package dev.gyre.deploy.command.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.deploy.bench.CollectivesBench;
import java.util.List;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class BenchCollectivesCommandTest {
  private static CollectivesBench bench(String... args) {
    BenchCollectivesCommand command = new BenchCollectivesCommand();
    new CommandLine(command).parseArgs(args);
    return command.bench();
  }

  @Test
  void defaultsAreTheSizesOfOtherFrameworksScripts() {
    assertEquals(
        new CollectivesBench(
            2, "ipc", 20, List.of(4L << 10, 256L << 10, 4L << 20, 32L << 20), true),
        bench());
  }

  @Test
  void sizesTakeUnits() {
    assertEquals(
        new CollectivesBench(3, "udp", 5, List.of(12L, 3L << 10, 6L << 20), false),
        bench(
            "--workers",
            "3",
            "--transport",
            "udp",
            "--repeats",
            "5",
            "--sizes",
            "12,3k,6M",
            "--no-bind"));
  }

  @Test
  void whatCannotBeIsNamed() {
    assertRefused("--workers 0", "--workers", "0");
    assertRefused("--repeats 0", "--repeats", "0");
    assertRefused("--transport 'tcp'", "--transport", "tcp");
    assertRefused("--sizes '4q'", "--sizes", "4k,4q");
    assertRefused("12", "--workers", "3", "--sizes", "4k");
  }

  private static void assertRefused(String named, String... args) {
    RuntimeException refused = assertThrows(RuntimeException.class, () -> bench(args));
    assertEquals(ExitCode.BAD_JOB, Cli.exitOf(refused));
    assertTrue(String.valueOf(refused.getMessage()).contains(named), refused.getMessage());
  }
}
