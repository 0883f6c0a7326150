package dev.gyre.deploy.options;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.gyre.partitioning.job.MeshSpec;
import dev.gyre.partitioning.plan.Rates;
import dev.gyre.partitioning.plan.WorkerCapabilities;
import java.util.List;
import org.junit.jupiter.api.Test;

final class PlannedHostTest {
  @Test
  void amountsHavePrefixesAndExponents() {
    PlannedHost machine =
        PlannedHost.parse("cores=8, memory=1.5GiB,matmul=50e9,attention=20G,link=1_000MB,ranks=2");
    assertEquals(
        new PlannedHost(8, 3L << 29, 50_000_000_000L, 20_000_000_000L, 1_000_000_000L, 2), machine);
    assertEquals(1, PlannedHost.parse(PlannedHost.EXAMPLE).ranks());
  }

  /** Rates are per core; a rank has its share of the host's cores and memory. */
  @Test
  void aRankHasItsShareOfAHost() {
    WorkerCapabilities four =
        PlannedHost.parse("cores=8,memory=64GiB,matmul=10e9,attention=5e9,link=1e9,ranks=4")
            .capabilities(MeshSpec.of(0, 1, 64, 1, 1), 64, List.of());
    assertEquals(new Rates(20_000_000_000L, 10_000_000_000L, 1_000_000_000L), four.rates());
    assertEquals(16L << 30, four.workerMemoryBytes(64));
    assertEquals(2, four.kernelThreads(0, 64));
  }

  /** Four ranks of eight threads share eight cores. */
  @Test
  void threadsThatShareCoresAreSlower() {
    MeshSpec eight = MeshSpec.of(0, 1, 64, 1, 1).with("kernelThreads", 8);
    WorkerCapabilities four =
        PlannedHost.parse("cores=8,memory=64GiB,matmul=10e9,attention=5e9,link=1e9,ranks=4")
            .capabilities(eight, 64, List.of());
    assertEquals(new Rates(20_000_000_000L, 10_000_000_000L, 1_000_000_000L), four.rates());
  }

  @Test
  void whatIsWrongIsNamed() {
    assertNames("cores=8", "memory= is missing", "cores=8,memory=64GiB");
    assertNames(PlannedHost.EXAMPLE + ",disk=1TB", "'disk=1TB' is none of cores=, memory=");
    assertNames(PlannedHost.EXAMPLE + ",ranks=0", "ranks=0 is not a number from 1 to 65,536");
    assertNames(
        PlannedHost.EXAMPLE + ",memory=64 gigabytes", "memory=64 gigabytes is not a number");
    assertNames(PlannedHost.EXAMPLE + ",cores=1e12", "cores=1e12 is not a number");
    assertNames(PlannedHost.EXAMPLE + ",matmul=1e20", "matmul=1e20 is not a number from 1 to");
    assertNames("", "'' is none of");
  }

  private static void assertNames(String text, String... parts) {
    String message =
        String.valueOf(
            assertThrows(IllegalArgumentException.class, () -> PlannedHost.parse(text))
                .getMessage());
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }
}
