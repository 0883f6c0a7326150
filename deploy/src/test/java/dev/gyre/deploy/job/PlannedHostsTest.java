package dev.gyre.deploy.job;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.check.Invalid;
import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hosts to plan for, as an option's value and as a file: the same keys with the same limits. */
final class PlannedHostsTest {
  private static final MeshSpec ANY = MeshSpec.of(0, 0, 0, 0, 0);
  private static final String EIGHT = "cores=8,memory=64GiB,matmul=10e9,attention=5e9,link=1e9";

  private static final String LINE = EIGHT.replace("=", ": ").replace(",", ", ");

  @TempDir Path folder;

  private static WorkerCapabilities read(String option, int workers) {
    return PlannedHosts.read(option).capabilities(ANY, workers, List.of());
  }

  private static WorkerCapabilities.Host host(int cores, long memory, int ranks, Rates rates) {
    return new WorkerCapabilities.Host(cores, memory, ranks, rates);
  }

  @Test
  void amountsHavePrefixesAndExponents() {
    WorkerCapabilities two =
        read("cores=8, memory=1.5GiB,matmul=50e9,attention=20G,link=1_000MB,ranks=1", 2);
    WorkerCapabilities.Host each =
        host(8, 3L << 29, 1, new Rates(400_000_000_000L, 160_000_000_000L, 1_000_000_000L));
    assertEquals(List.of(each, each), two.hosts());
    assertEquals(3, read(PlannedHosts.EXAMPLE, 3).hosts().size(), "as many as are needed");
  }

  /** Rates are per core; a rank has its share of the host's cores and memory. */
  @Test
  void aRankHasItsShareOfAHost() {
    WorkerCapabilities four = read(EIGHT + ",ranks=4", 64);
    assertEquals(16, four.hosts().size());
    assertEquals(new Rates(20_000_000_000L, 10_000_000_000L, 1_000_000_000L), four.rates(64));
    assertEquals(16L << 30, four.workerMemoryBytes(64));
    assertEquals(2, four.kernelThreads(0, 64));
  }

  /** Four ranks of eight threads share eight cores. */
  @Test
  void threadsThatShareCoresAreSlower() {
    WorkerCapabilities four =
        PlannedHosts.read(EIGHT + ",ranks=4")
            .capabilities(MeshSpec.of(0, 1, 64, 1, 1).with("kernelThreads", 8), 64, List.of());
    assertEquals(new Rates(20_000_000_000L, 10_000_000_000L, 1_000_000_000L), four.rates(64));
  }

  /** Every worker has the threads that the smallest share of a host allows. */
  @Test
  void aFileHasSeveralKinds() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("a=b.yaml"),
            """
            hosts:
              - {count: 2, cores: 8, memory: 64GiB, matmul: 10e9, attention: 5e9, link: 2e9}
              - cores: 4
                memory: 32GiB
                matmul: 30G
                attention: 4_000_000_000
                link: 1GB
                ranks: 2
            """);
    WorkerCapabilities five = read(file.toString(), 5);
    Rates first = new Rates(20_000_000_000L, 10_000_000_000L, 2_000_000_000L);
    Rates second = new Rates(60_000_000_000L, 8_000_000_000L, 1_000_000_000L);
    assertEquals(2, five.kernelThreads(0, 5));
    assertEquals(
        List.of(
            host(8, 64L << 30, 1, first),
            host(8, 64L << 30, 1, first),
            host(4, 32L << 30, 2, second),
            host(4, 32L << 30, 1, second)),
        five.hosts());
    assertEquals(
        new Rates(20_000_000_000L, 8_000_000_000L, 1_000_000_000L),
        five.rates(5),
        "each kind of work as fast as on the slowest worker");
    assertEquals(16L << 30, five.workerMemoryBytes(5));
    WorkerCapabilities two = read(file.toString(), 2);
    assertEquals(8, two.kernelThreads(0, 2), "the other hosts are not used");
  }

  @Test
  void hostsWithTooFewRanksAreRefused() {
    PlannedHosts three = PlannedHosts.read(EIGHT + ",count=3");
    assertEquals(3, three.capabilities(ANY, 3, List.of()).hosts().size());
    Invalid refusal = assertThrows(Invalid.class, () -> three.capabilities(ANY, 4, List.of()));
    assertEquals(
        "mesh.workers: 4 do not fit on 3 hosts with 3 ranks in all. Use at most 3 workers, or more"
            + " hosts.",
        refusal.getMessage());
  }

  @Test
  void whatIsWrongIsNamedInBothForms() throws IOException {
    assertBoth("cores: 8", "memory is missing: Memory of a host");
    assertBoth(LINE + ", disk: 1TB", "disk: no such key");
    assertBoth(LINE + ", steps: 3", "steps: no such key; the keys here are count, cores,");
    assertBoth(LINE + ", rank: 3", "rank: no such key; did you mean ");
    assertBoth(LINE + ", ranks: 0", "ranks: 0 must be from 1 to 65,536");
    assertBoth(LINE + ", ranks: 1.5", "ranks: 1.5 is not a whole number");
    assertBoth(LINE + ", count: -1", "count: -1 must be from 0 to 65,536");
    assertBoth(LINE.replace("64GiB", "64 gigabytes"), "memory: '64 gigabytes' is not a number");
    assertBoth(LINE.replace("64GiB", "0"), "memory: 0 must be from 1 to ");
    assertBoth(LINE.replace("cores: 8", "cores: 1e12"), "cores: 1e12 must be from 1 to 65,536");
    assertBoth(LINE.replace("10e9", "1e20"), "matmul: 1e20 must be from 1 to ");
    assertBoth(LINE + ", cores: 9", "duplicate key cores");
    assertNames("", "--machine: '' is not KEY=VALUE");
    assertNames("cores=8,memory", "--machine: 'memory' is not KEY=VALUE. For example cores=8");
    assertNames("no/such.yaml", "no/such.yaml: no such file of hosts");
    assertFile("[]", ":1: the file must consist of keys and values");
    assertFile("hosts: []", ":1: hosts: must list at least one kind of host");
    assertFile("hosts: 3", ":1: hosts: must be a list, for example [{count: 0}]");
    assertFile(
        "hosts: [{%s}, {%s}]".formatted(LINE, LINE),
        ":1: hosts: only the last kind of host may leave out count");
  }

  private void assertBoth(String keys, String message) throws IOException {
    assertNames(keys.replace(": ", "="), "--machine: " + message);
    String path = message.contains("duplicate") ? "" : "hosts.";
    assertFile("hosts:\n  - {%s}\n".formatted(keys), ":2: " + path + message);
  }

  private void assertFile(String yaml, String message) throws IOException {
    Path file = Files.writeString(folder.resolve("hosts.yaml"), yaml);
    assertNames(file.toString(), "hosts.yaml" + message);
  }

  private static void assertNames(String option, String part) {
    JobFileException e = assertThrows(JobFileException.class, () -> read(option, 1));
    assertTrue(String.valueOf(e.getMessage()).contains(part), e.getMessage());
  }
}
