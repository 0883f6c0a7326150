package dev.gyre.deploy.command.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.deploy.bench.BalanceResult;
import dev.gyre.trainer.json.SpecJson;
import java.util.List;
import org.junit.jupiter.api.Test;

class BenchBalanceCommandTest {
  @Test
  void everyLayoutIsMeasuredOnTheSameRow() {
    Cli ran =
        Cli.run(
            "bench",
            "balance",
            "--ring",
            "3",
            "--tokens",
            "700",
            "--median",
            "60",
            "--heads",
            "2",
            "--head-dim",
            "8",
            "--window",
            "40",
            "--sinks",
            "2",
            "--anchor",
            "--prefix",
            "5",
            "--repeats",
            "1",
            "--backend",
            "scalar",
            "--json");
    assertEquals(0, ran.exit(), ran::toString);
    List<BalanceResult> results =
        ran.out().lines().map(line -> SpecJson.read(line, BalanceResult.class, line)).toList();
    assertEquals(
        List.of("contiguous", "striped", "zigzag"),
        results.stream().map(BalanceResult::layout).toList());
    for (BalanceResult result : results) {
      assertEquals("window 40, sinks 2, anchor, prefix 5", result.mask());
      assertEquals(results.getFirst().documents(), result.documents());
      assertEquals(3, result.forwardSeconds().size());
      assertTrue(result.forwardSeconds().stream().allMatch(s -> s > 0), result::toString);
      assertTrue(result.backwardSeconds().stream().allMatch(s -> s > 0), result::toString);
      assertTrue(result.pairsOverMean() >= 1 && result.forwardOverMean() >= 1, result::toString);
      assertTrue(result.planSeconds() > 0, result::toString);
    }
  }

  @Test
  void whatCannotBeIsNamed() {
    Cli ran = Cli.run("bench", "balance", "--ring", "0");
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.err().contains("--ring 0"), ran::toString);
  }
}
