package dev.gyre.deploy.command;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.comms.ExitCode;
import dev.gyre.deploy.Cli;
import dev.gyre.partitioning.plan.Plan;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class PlanCommandTest {
  @TempDir Path folder;
  private Path job = Path.of("");

  @BeforeEach
  void writeJob() throws IOException {
    Path text = folder.resolve("text");
    Files.createDirectory(text);
    for (int i = 0; i < 9; i++) {
      Files.writeString(text.resolve(i + ".txt"), ("line of document " + i + "\n").repeat(20 + i));
    }
    job =
        Files.writeString(
            folder.resolve("job.yaml"),
            """
            model: {hidden_size: 32, num_attention_heads: 4, num_key_value_heads: 2,
                    num_hidden_layers: 2, num_local_experts: 4}
            dataset: {train: [{path: "%s"}], holdout: 0}
            train: {sequence-length: 512, batch-tokens: 1024}
            """
                .formatted(text));
  }

  private Cli plan(Object... more) {
    List<Object> all = new ArrayList<>(List.of("plan", job));
    all.addAll(List.of(more));
    return Cli.run(all.toArray());
  }

  /** Rows of the table of ranks, as words. */
  private static List<List<String>> ranks(Cli ran) {
    return ran.out()
        .lines()
        .filter(line -> line.matches(" +\\d+ +\\d+ +\\d+ .*"))
        .map(line -> List.of(line.strip().split(" +", -1)))
        .toList();
  }

  @Test
  void tellsWhetherTheDataIsThereAndMakesNone() {
    Cli before = plan("--no-measure", "--ring", "2");
    assertEquals(0, before.exit(), before::toString);
    assertTrue(before.out().contains("not prepared yet"), before::toString);
    assertTrue(before.out().contains("2 rows with 2 documents"), before::toString);
    assertTrue(before.out().contains("not predicted"), before::toString);

    assertEquals(0, Cli.run("data", "prepare", job).exit());
    Cli after = plan("--no-measure", "--ring", "2");
    assertTrue(after.out().contains("9 documents"), after::toString);
    assertTrue(after.out().contains("first batch: "), after::toString);
  }

  @Test
  void refusesRowsThatTheTextCannotFillAsTrainingDoes() {
    String rows = "train={sequence-length: 65536, batch-tokens: 65536}";
    assertEquals(0, Cli.run("data", "prepare", job, "--set", rows).exit());
    Cli refused = plan("--no-measure", "--set", rows);
    assertEquals(ExitCode.BAD_JOB.code(), refused.exit(), refused::toString);
    assertTrue(
        refused.err().contains("dataset.train has only 4,104 tokens per epoch"), refused::toString);
  }

  @Test
  void drawnOftenEnoughTheTextFillsThem() throws IOException {
    Files.writeString(job, Files.readString(job).replace("\"}]", "\", weight: 40}]"));
    String rows = "train={sequence-length: 65536, batch-tokens: 65536}";
    assertEquals(0, Cli.run("data", "prepare", job, "--set", rows).exit());
    Cli planned = plan("--no-measure", "--set", rows);
    assertEquals(0, planned.exit(), planned::toString);
  }

  /** Many more ranks than this machine could hold, each on its own host. */
  @Test
  void plansForOtherMachines() {
    String machine = "cores=8,memory=64GiB,matmul=50e9,attention=20e9,link=1e9";
    String rows = "train={sequence-length: 65536, batch-tokens: 65536}";
    Cli planned = plan("--machine", machine, "--ring", "64", "--set", rows);
    assertEquals(0, planned.exit(), planned::toString);
    assertTrue(planned.out().contains("of 69 GB per worker"), planned::toString);
    assertTrue(planned.out().contains("matmul 400 GFLOP/s, attention 160"), planned::toString);
    assertTrue(planned.out().contains("\n  23     0   23 "), planned::toString);
    assertTrue(
        planned.out().contains("\n   …  32 ranks more\n  56     0   56 "), planned::toString);

    Cli refused = plan("--machine", "cores=8", "--ring", "2");
    assertEquals(ExitCode.BAD_JOB.code(), refused.exit(), refused::toString);
    assertTrue(
        refused.err().contains("--machine: memory is missing: Memory of a host"),
        refused::toString);
  }

  /** The second kind is slower at everything; its hosts have less memory for a rank. */
  @Test
  void plansForHostsOfSeveralKinds() throws IOException {
    Path hosts = job.resolveSibling("hosts.yaml");
    String fast = "cores: 8, memory: 64GiB, matmul: 50e9, attention: 20e9, link: 1e9";
    String slow = "cores: 8, memory: 16GiB, matmul: 20e9, attention: 10e9, link: 1e9, ranks: 2";
    Files.writeString(
        hosts, "hosts:\n  - {count: 3, %s}\n  - {count: 1, %s}\n".formatted(fast, slow));
    Cli planned = plan("--machine", hosts, "--ring", "5");
    assertEquals(0, planned.exit(), planned::toString);
    assertTrue(
        planned
            .out()
            .contains(
                "hosts  3 hosts of 8 cores and 69 GB with 1 worker each;"
                    + " 1 host of 8 cores and 17 GB with 2 workers"),
        planned::toString);
    assertTrue(planned.out().contains("of 8.6 GB per worker"), planned::toString);
    assertTrue(planned.out().contains("transport udp (auto: ipc connects "), planned::toString);
    // Four threads of the slow kind's cores, as for each of its ranks.
    assertTrue(planned.out().contains("matmul 80 GFLOP/s, attention 40 "), planned::toString);
    Cli alone = plan("--machine", slow.replace(": ", "="), "--ring", "5");
    assertEquals(stepTime(alone), stepTime(planned), "of the slowest rank");

    Cli few = plan("--machine", hosts, "--ring", "6");
    assertEquals(ExitCode.BAD_JOB.code(), few.exit(), few::toString);
    assertTrue(
        few.err().contains("mesh.workers: 6 do not fit on 4 hosts with 5 ranks in all"),
        few::toString);
    Files.writeString(hosts, "hosts:\n  - {%s}\n".formatted(slow.replace("16GiB", "300MB")));
    Cli full = plan("--machine", hosts, "--ring", "2");
    assertEquals(ExitCode.BAD_JOB.code(), full.exit(), full::toString);
  }

  private static String stepTime(Cli planned) {
    String out = planned.out();
    int time = out.indexOf("expect ");
    assertTrue(time > 0, planned::toString);
    return out.substring(time, out.indexOf(" a step", time));
  }

  @Test
  void onlyWhatThePlanChoseIsCalledAuto() {
    Cli named = plan("--no-measure", "--backend", "scalar", "--set", "train.dtype=f32");
    assertTrue(named.out().contains("kernel scalar on cpu  f32  "), named::toString);
    Cli chosen = plan("--no-measure", "--backend", "scalar");
    assertTrue(chosen.out().contains("kernel scalar on cpu  f32 (auto)  "), chosen::toString);
  }

  @Test
  void linearLayersAreTold() {
    Cli mixed =
        plan(
            "--no-measure",
            "--ring",
            2,
            "--set",
            "model.layer_types=[full_attention, linear_attention]",
            "--set",
            "model.anchor_token=true");
    assertEquals(0, mixed.exit(), mixed::toString);
    assertTrue(mixed.out().contains("states "), mixed::toString);
    assertTrue(mixed.out().contains("full_attention × 1 (causal, anchor): "), mixed::toString);
    assertTrue(
        mixed.out().contains("linear_attention × 1: causal in each document, no other mask"),
        mixed::toString);
    Cli alone =
        plan(
            "--no-measure",
            "--ring",
            2,
            "--set",
            "model.layer_types=[linear_attention, linear_attention]");
    assertEquals(0, alone.exit(), alone::toString);
    assertTrue(alone.out().contains("layout contiguous"), alone::toString);
    assertTrue(alone.out().contains("moves 0 B"), alone::toString);
    Cli masked =
        plan(
            "--set",
            "model.layer_types=[linear_attention, linear_attention]",
            "--set",
            "model.anchor_token=true");
    assertEquals(ExitCode.BAD_JOB.code(), masked.exit(), masked::toString);
    assertTrue(
        masked.err().contains("model.anchor_token: is for softmax layers"), masked::toString);
  }

  @Test
  void everyRankIsThereAndTogetherTheyHoldTheBatch() {
    Cli ran =
        plan(
            "--no-measure",
            "--data-parallel",
            2,
            "--ring",
            2,
            "--ulysses",
            2,
            "--backend",
            "scalar");
    List<List<String>> ranks = ranks(ran);
    assertEquals(8, ranks.size(), ran::toString);
    int tokens = 0;
    for (int rank = 0; rank < 8; rank++) {
      List<String> line = ranks.get(rank);
      assertEquals(
          List.of("" + rank, "" + rank / 4, "" + rank / 2 % 2, "" + rank % 2, "" + rank % 4),
          line.subList(0, 5),
          ran::toString);
      tokens += Integer.parseInt(line.get(5));
      assertEquals("" + rank % 4, line.get(6), "one expert each");
      assertEquals(rank % 2 == 0 ? "0-1" : "2-3", line.get(7), "query heads");
    }
    assertEquals(1024, tokens);
  }

  @Test
  void jsonIsThePlanThatTrainTakes() {
    Cli ran = plan("--no-measure", "--json", "--ring", 4, "--backend", "scalar", "--dtype", "f32");
    Plan plan = SpecJson.read(ran.out(), Plan.class, "what plan printed");
    assertEquals(4, plan.mesh().ring());
    assertEquals("scalar", plan.backend());
    assertEquals(0, plan.stepMicros());
  }

  @Test
  void measuredRatesPredictAStep() {
    Cli ran = plan("--json", "--ring", 2);
    Plan plan = SpecJson.read(ran.out(), Plan.class, "what plan printed");
    assertTrue(plan.rates().known(), ran::toString);
    assertTrue(plan.stepMicros() > 0, ran::toString);
    assertTrue(plan.schedules().getFirst().rowsChoose(), ran::toString);
    assertTrue(
        plan.schedules().getFirst().forecasts().stream().allMatch(f -> f.micros() > 0),
        ran::toString);
  }

  @Test
  void everyKindOfLayerIsShownWithItsReason() {
    Cli ran =
        plan(
            "--no-measure",
            "--ring",
            2,
            "--set",
            "model.layer_types=[full_attention, sliding_attention]",
            "--set",
            "model.sliding_window=64",
            "--schedule",
            "full_attention=tokenring");
    assertEquals(0, ran.exit(), ran::toString);
    assertTrue(ran.out().contains("one full_attention layer"), ran::toString);
    assertTrue(ran.out().contains("one sliding_attention layer"), ran::toString);
    assertTrue(
        ran.out().contains("full_attention × 1 (causal): tokenring for 1 micro-step;"),
        ran::toString);
    assertTrue(
        ran.out()
            .contains(
                "sliding_attention × 1 (window 64): ring for 1 micro-step (auto; a layer of a"),
        ran::toString);
    for (List<String> rank : ranks(ran)) {
      assertEquals(9 + 2 * 6, rank.size(), () -> rank + " of " + ran);
    }
  }

  @Test
  void whatDoesNotFitIsShownAndRefused() {
    Cli ran = plan("--no-measure", "--set", "model.intermediate_size=1073741824");
    assertEquals(ExitCode.BAD_JOB.code(), ran.exit(), ran::toString);
    assertTrue(ran.out().contains("activations"), ran::toString);
    assertTrue(ran.out().contains("no row fits: a smaller model"), ran::toString);
    assertTrue(ran.err().contains("a worker needs"), ran::toString);
    assertTrue(ran.err().contains("nothing fits"), ran::toString);
    assertTrue(ran.err().contains("Use more ring or expert ranks"), ran::toString);
  }

  @Test
  void whatBlocksKeepIsExplainedAndTheLongestRowNamed() {
    Cli roomy = plan("--no-measure");
    assertTrue(roomy.out().contains("recompute none: the fastest, and it fits"), roomy::toString);
    assertTrue(roomy.out().matches("(?s).*longest rows of [0-9,]+ tokens fit.*"), roomy::toString);
    assertTrue(roomy.out().contains(" with none"), roomy::toString);
    assertTrue(roomy.out().contains("further: "), roomy::toString);
    Cli stored = plan("--no-measure", "--set", "train.offload=true");
    assertTrue(stored.out().contains("recompute attention-saving, on disk; "), stored::toString);
    assertTrue(stored.out().contains("leave train.recompute"), stored::toString);
  }
}
